// Reads a certificate transparency log as others do, for test/peers/ct-log-readers.test.ts, and prints what it saw as JSON:
//
//	ct-reader tiles URL KEY [CERTIFICATE...]        checkpoint, tiles and issuers, by sunlight's client
//	ct-reader rfc6962 URL KEY [SIZE ROOT]           the older interface, by certificate-transparency-go; grown from that tree
//
// KEY and CERTIFICATE are PEM files. Whatever does not verify ends it with status 1. scripts/peers.sh builds it.
package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"filippo.io/sunlight"
	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/client"
	"github.com/google/certificate-transparency-go/jsonclient"
	"github.com/google/certificate-transparency-go/tls"
	ctx509 "github.com/google/certificate-transparency-go/x509"
	"github.com/google/certificate-transparency-go/x509util"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

type report struct {
	Origin     string   `json:"origin,omitempty"`
	Size       int64    `json:"size"`
	Root       string   `json:"root"`
	Precerts   int      `json:"precertificates"`
	Issuers    []string `json:"issuers"`              // subjects, sorted
	Indexes    []int64  `json:"indexes,omitempty"`    // where the timestamps of the certificates said that they are
	Proven     int      `json:"proven"`               // entries whose inclusion was proven one by one
	Roots      int      `json:"acceptedRoots"`        // authorities the log takes certificates of
	Consistent bool     `json:"consistent,omitempty"` // with the tree that was given
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	seen, err := read(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(seen)
}

func read(ctx context.Context, args []string) (*report, error) {
	if len(args) < 3 {
		return nil, fmt.Errorf("want MODE URL KEY, got %q", args)
	}
	block, err := readPEM(args[2])
	if err != nil {
		return nil, err
	}
	switch args[0] {
	case "tiles":
		return readTiles(ctx, args[1], block, args[3:])
	case "rfc6962":
		return readRFC6962(ctx, args[1], block, args[3:])
	}
	return nil, fmt.Errorf("want tiles or rfc6962, got %q", args[0])
}

func readTiles(ctx context.Context, url string, spki []byte, certificates []string) (*report, error) {
	key, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, err
	}
	log, err := sunlight.NewClient(&sunlight.ClientConfig{
		MonitoringPrefix: url,
		PublicKey:        crypto.PublicKey(key),
		UserAgent:        "ct-reader (test@example.com)",
		Timeout:          10 * time.Second,
	})
	if err != nil {
		return nil, err
	}
	head, _, err := log.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	seen := &report{Origin: head.Origin, Size: head.Tree.N, Root: hex.EncodeToString(head.Tree.Hash[:])}
	next, fingerprints := int64(0), map[[32]byte]bool{}
	for next < head.Tree.N { // one iteration may stop before the last, partial tile
		start := next
		for index, entry := range log.Entries(ctx, head.Tree, start) {
			if index != next || entry.LeafIndex != index {
				return nil, fmt.Errorf("entry %d comes as %d and says it is %d", next, index, entry.LeafIndex)
			}
			next++
			if entry.IsPrecert {
				seen.Precerts++
			}
			for _, fingerprint := range entry.ChainFingerprints {
				fingerprints[fingerprint] = true
			}
		}
		if err := log.Err(); err != nil {
			return nil, err
		}
		if next == start {
			return nil, fmt.Errorf("no entry from %d on", start)
		}
	}
	for fingerprint := range fingerprints {
		issuer, err := log.Issuer(ctx, fingerprint)
		if err != nil {
			return nil, err
		}
		seen.Issuers = append(seen.Issuers, issuer.Subject.String())
	}
	slices.Sort(seen.Issuers)
	for _, path := range certificates {
		timestamps, err := embedded(path)
		if err != nil {
			return nil, err
		}
		for _, timestamp := range timestamps {
			entry, _, err := log.CheckInclusion(ctx, head.Tree, timestamp)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			seen.Indexes = append(seen.Indexes, entry.LeafIndex)
			seen.Proven++
		}
	}
	return seen, nil
}

func readRFC6962(ctx context.Context, url string, spki []byte, before []string) (*report, error) {
	log, err := client.New(url, &http.Client{}, jsonclient.Options{PublicKeyDER: spki, UserAgent: "ct-reader"})
	if err != nil {
		return nil, err
	}
	head, err := log.GetSTH(ctx) // its signature is verified
	if err != nil {
		return nil, err
	}
	size, root := head.TreeSize, head.SHA256RootHash[:]
	seen := &report{Size: int64(size), Root: hex.EncodeToString(root)}
	tree := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	issuers := map[string]bool{}
	for tree.End() < size {
		entries, err := log.GetEntries(ctx, int64(tree.End()), int64(size)-1)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if entry.Precert != nil {
				seen.Precerts++
			}
			for _, certificate := range entry.Chain {
				parsed, err := ctx509.ParseCertificate(certificate.Data)
				if err != nil {
					return nil, err
				}
				issuers[parsed.Subject.String()] = true
			}
			leaf, err := tls.Marshal(entry.Leaf)
			if err != nil {
				return nil, err
			}
			hash, index := rfc6962.DefaultHasher.HashLeaf(leaf), tree.End()
			if index == 0 || index == size/2 || index == size-1 {
				answer, err := log.GetProofByHash(ctx, hash, size)
				if err != nil {
					return nil, err
				}
				if uint64(answer.LeafIndex) != index {
					return nil, fmt.Errorf("entry %d is proven as %d", index, answer.LeafIndex)
				}
				if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, hash, answer.AuditPath, root); err != nil {
					return nil, err
				}
				seen.Proven++
			}
			if err := tree.Append(hash, nil); err != nil {
				return nil, err
			}
		}
	}
	computed, err := tree.GetRootHash(nil)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(computed, root) {
		return nil, fmt.Errorf("entries lead to root %x, the signed head has %x", computed, root)
	}
	for issuer := range issuers {
		seen.Issuers = append(seen.Issuers, issuer)
	}
	slices.Sort(seen.Issuers)
	accepted, err := log.GetAcceptedRoots(ctx)
	if err != nil {
		return nil, err
	}
	seen.Roots = len(accepted)
	if len(before) == 2 {
		former, err := strconv.ParseUint(before[0], 10, 63)
		if err != nil {
			return nil, err
		}
		formerRoot, err := hex.DecodeString(before[1])
		if err != nil {
			return nil, err
		}
		path, err := log.GetSTHConsistency(ctx, former, size)
		if err != nil {
			return nil, err
		}
		if err := proof.VerifyConsistency(rfc6962.DefaultHasher, former, size, path, formerRoot, root); err != nil {
			return nil, err
		}
		seen.Consistent = true
	}
	return seen, nil
}

// embedded gives the timestamps in a certificate, each as TLS encodes it.
func embedded(path string) ([][]byte, error) {
	der, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	certificate, err := ctx509.ParseCertificate(der)
	if ctx509.IsFatal(err) {
		return nil, err
	}
	var timestamps [][]byte
	for _, sct := range certificate.SCTList.SCTList {
		parsed, err := x509util.ExtractSCT(&sct)
		if err != nil {
			return nil, err
		}
		if parsed.SCTVersion != ct.V1 {
			return nil, fmt.Errorf("%s: a timestamp of version %d", path, parsed.SCTVersion)
		}
		timestamps = append(timestamps, sct.Val)
	}
	return timestamps, nil
}

func readPEM(path string) ([]byte, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(file)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM", path)
	}
	return block.Bytes, nil
}
