// A small Cloud KMS for tests, on loopback and in memory: the part of the real gRPC API (google.cloud.kms.v1) that signs, on Google's own protobuf
// definitions. It keeps nothing safe and is for tests alone.
//
// Whoever asks is known by the self-signed JWT of a service account, as Google takes it. The key of the one issuer is the first argument (a PEM
// file); of its accounts "owner@…" may do all, "reader@…" may only look. The token "rig" is the test's own.
package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash/crc32"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := readKey(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(admission(issuer)))
	kmspb.RegisterKeyManagementServiceServer(server, &service{rings: map[string]bool{}, keys: map[string]*key{}})
	fmt.Printf("listening on %s\n", listener.Addr())
	log.Fatal(server.Serve(listener))
}

type service struct {
	kmspb.UnimplementedKeyManagementServiceServer
	mutex sync.Mutex
	rings map[string]bool
	keys  map[string]*key
}

type key struct {
	about    *kmspb.CryptoKey
	versions []*version
}

type version struct {
	about   *kmspb.CryptoKeyVersion
	private crypto.Signer // nothing of a key that does not sign
}

func (s *service) CreateKeyRing(_ context.Context, r *kmspb.CreateKeyRingRequest) (*kmspb.KeyRing, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	name := r.Parent + "/keyRings/" + r.KeyRingId
	if s.rings[name] {
		return nil, status.Errorf(codes.AlreadyExists, "KeyRing %s already exists.", name)
	}
	s.rings[name] = true
	return &kmspb.KeyRing{Name: name, CreateTime: timestamppb.Now()}, nil
}

func (s *service) CreateCryptoKey(_ context.Context, r *kmspb.CreateCryptoKeyRequest) (*kmspb.CryptoKey, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.rings[r.Parent] {
		return nil, status.Errorf(codes.NotFound, "KeyRing %s not found.", r.Parent)
	}
	name := r.Parent + "/cryptoKeys/" + r.CryptoKeyId
	if s.keys[name] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "CryptoKey %s already exists.", name)
	}
	made := &key{about: &kmspb.CryptoKey{Name: name, Purpose: r.CryptoKey.Purpose, VersionTemplate: r.CryptoKey.VersionTemplate, CreateTime: timestamppb.Now()}}
	if _, err := made.add(); err != nil {
		return nil, err
	}
	s.keys[name] = made
	return made.about, nil
}

func (s *service) CreateCryptoKeyVersion(_ context.Context, r *kmspb.CreateCryptoKeyVersionRequest) (*kmspb.CryptoKeyVersion, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found, err := s.keyOf(r.Parent)
	if err != nil {
		return nil, err
	}
	return found.add()
}

func (s *service) UpdateCryptoKeyVersion(_ context.Context, r *kmspb.UpdateCryptoKeyVersionRequest) (*kmspb.CryptoKeyVersion, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found, err := s.versionOf(r.CryptoKeyVersion.GetName())
	if err != nil {
		return nil, err
	}
	found.about.State = r.CryptoKeyVersion.State
	return found.about, nil
}

func (s *service) ListCryptoKeyVersions(_ context.Context, r *kmspb.ListCryptoKeyVersionsRequest) (*kmspb.ListCryptoKeyVersionsResponse, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found, err := s.keyOf(r.Parent)
	if err != nil {
		return nil, err
	}
	if r.Filter != "" && r.Filter != "state=ENABLED" {
		return nil, status.Errorf(codes.InvalidArgument, "filter %q is not served here", r.Filter)
	}
	matching := []*kmspb.CryptoKeyVersion{}
	for _, one := range found.versions {
		if r.Filter == "" || one.about.State == kmspb.CryptoKeyVersion_ENABLED {
			matching = append(matching, one.about)
		}
	}
	from, _ := strconv.Atoi(r.PageToken)
	to := min(from+int(r.PageSize), len(matching))
	page := &kmspb.ListCryptoKeyVersionsResponse{CryptoKeyVersions: matching[from:to], TotalSize: int32(len(matching))}
	if to < len(matching) {
		page.NextPageToken = strconv.Itoa(to)
	}
	return page, nil
}

func (s *service) GetPublicKey(_ context.Context, r *kmspb.GetPublicKeyRequest) (*kmspb.PublicKey, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found, err := s.usable(r.Name)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(found.private.Public())
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return &kmspb.PublicKey{Name: r.Name, Pem: string(text), PemCrc32C: crcOf(text), Algorithm: found.about.Algorithm, ProtectionLevel: kmspb.ProtectionLevel_SOFTWARE}, nil
}

func (s *service) AsymmetricSign(ctx context.Context, r *kmspb.AsymmetricSignRequest) (*kmspb.AsymmetricSignResponse, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found, err := s.usable(r.Name)
	if err != nil {
		return nil, err
	}
	private := found.private
	if told, _ := metadata.FromIncomingContext(ctx); len(told.Get("x-sign-foreign")) > 0 { // the test's proxy wants a signature by another key
		if private, err = generate(found.about.Algorithm); err != nil {
			return nil, err
		}
	}
	answer := &kmspb.AsymmetricSignResponse{Name: r.Name, ProtectionLevel: kmspb.ProtectionLevel_SOFTWARE}
	var given []byte
	hash := crypto.Hash(0)
	switch digest := r.Digest.GetDigest().(type) {
	case *kmspb.Digest_Sha256:
		given, hash = digest.Sha256, crypto.SHA256
	case *kmspb.Digest_Sha384:
		given, hash = digest.Sha384, crypto.SHA384
	case *kmspb.Digest_Sha512:
		given, hash = digest.Sha512, crypto.SHA512
	default:
		given = r.Data
	}
	if hash != hashOf(found.about.Algorithm) || (hash != 0 && len(given) != hash.Size()) {
		return nil, status.Errorf(codes.InvalidArgument, "%s does not sign that digest.", found.about.Algorithm)
	}
	wanted := r.DigestCrc32C
	if hash == 0 {
		wanted = r.DataCrc32C
	}
	if wanted != nil && wanted.Value != crcOf(given).Value {
		return nil, status.Error(codes.InvalidArgument, "The checksum does not match.")
	}
	answer.VerifiedDigestCrc32C, answer.VerifiedDataCrc32C = hash != 0 && wanted != nil, hash == 0 && wanted != nil
	if answer.Signature, err = private.Sign(rand.Reader, given, hash); err != nil {
		return nil, err
	}
	answer.SignatureCrc32C = crcOf(answer.Signature)
	return answer, nil
}

func (s *service) keyOf(name string) (*key, error) {
	if found := s.keys[name]; found != nil {
		return found, nil
	}
	return nil, status.Errorf(codes.NotFound, "CryptoKey %s not found.", name)
}

func (s *service) versionOf(name string) (*version, error) {
	parent, id, _ := strings.Cut(name, "/cryptoKeyVersions/")
	found, err := s.keyOf(parent)
	if err != nil {
		return nil, err
	}
	number, _ := strconv.Atoi(id)
	if number < 1 || number > len(found.versions) {
		return nil, status.Errorf(codes.NotFound, "CryptoKeyVersion %s not found.", name)
	}
	return found.versions[number-1], nil
}

func (s *service) usable(name string) (*version, error) {
	found, err := s.versionOf(name)
	if err != nil {
		return nil, err
	}
	if found.about.State != kmspb.CryptoKeyVersion_ENABLED {
		return nil, status.Errorf(codes.FailedPrecondition, "%s is not enabled, current state is: %s.", name, found.about.State)
	}
	if found.private == nil {
		return nil, status.Errorf(codes.InvalidArgument, "%s is not enabled for ASYMMETRIC_SIGN or ASYMMETRIC_DECRYPT.", name)
	}
	return found, nil
}

func (k *key) add() (*kmspb.CryptoKeyVersion, error) {
	algorithm := k.about.VersionTemplate.GetAlgorithm()
	private, err := generate(algorithm)
	if err != nil {
		return nil, err
	}
	about := &kmspb.CryptoKeyVersion{
		Name:       fmt.Sprintf("%s/cryptoKeyVersions/%d", k.about.Name, len(k.versions)+1),
		State:      kmspb.CryptoKeyVersion_ENABLED,
		Algorithm:  algorithm,
		CreateTime: timestamppb.Now(),
	}
	k.versions = append(k.versions, &version{about, private})
	return about, nil
}

func generate(algorithm kmspb.CryptoKeyVersion_CryptoKeyVersionAlgorithm) (crypto.Signer, error) {
	name := algorithm.String()
	switch {
	case name == "EC_SIGN_P256_SHA256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case name == "EC_SIGN_P384_SHA384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case name == "EC_SIGN_ED25519":
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case strings.HasPrefix(name, "RSA_SIGN_"):
		bits, _ := strconv.Atoi(strings.Split(name, "_")[3])
		return rsa.GenerateKey(rand.Reader, bits)
	case name == "GOOGLE_SYMMETRIC_ENCRYPTION" || strings.HasPrefix(name, "HMAC_"):
		return nil, nil
	}
	return nil, status.Errorf(codes.InvalidArgument, "algorithm %s is not served here", name)
}

func hashOf(algorithm kmspb.CryptoKeyVersion_CryptoKeyVersionAlgorithm) crypto.Hash {
	name := algorithm.String()
	switch name[strings.LastIndex(name, "_")+1:] {
	case "SHA256":
		return crypto.SHA256
	case "SHA384":
		return crypto.SHA384
	case "SHA512":
		return crypto.SHA512
	}
	return 0
}

func crcOf(bytes []byte) *wrapperspb.Int64Value {
	return wrapperspb.Int64(int64(crc32.Checksum(bytes, crc32.MakeTable(crc32.Castagnoli))))
}

// admission lets in whom the issuer's key speaks for.
func admission(issuer *rsa.PublicKey) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		told, _ := metadata.FromIncomingContext(ctx)
		token := strings.TrimPrefix(strings.Join(told.Get("authorization"), " "), "Bearer ")
		account := "owner"
		if token != "rig" {
			var ok bool
			if account, ok = accountOf(token, issuer); !ok {
				return nil, status.Error(codes.Unauthenticated, "Request had invalid authentication credentials.")
			}
		}
		method := info.FullMethod[strings.LastIndex(info.FullMethod, "/")+1:]
		if account != "owner" && !strings.HasPrefix(method, "Get") && !strings.HasPrefix(method, "List") {
			return nil, status.Errorf(codes.PermissionDenied, "Permission denied on resource (or it may not exist).")
		}
		return handle(ctx, request)
	}
}

func accountOf(token string, issuer *rsa.PublicKey) (string, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", false
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(issuer, crypto.SHA256, digest[:], signature) != nil {
		return "", false
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	var read struct{ Iss string }
	if err != nil || json.Unmarshal(claims, &read) != nil {
		return "", false
	}
	account, _, _ := strings.Cut(read.Iss, "@")
	return account, account != ""
}

func readKey(path string) (*rsa.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM", path)
	}
	read, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := read.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%s: no RSA key", path)
	}
	return key, nil
}
