// Makes a database for Grype of a few advisories, so that a real Grype scans where the published database cannot be had, and finds
// the same every day. For test/peers/predicates.test.ts; scripts/peers.sh builds it.
//
//	vulnerability-db FOLDER <ADVISORIES
//
// ADVISORIES is a JSON list of {id, ecosystem, package, constraint, severity}: `npm` or `go-module`, a range of versions, and a word
// of Grype's or nothing. It leaves FOLDER/vulnerability.db, which `grype db import` takes in a tar archive.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	v6 "github.com/anchore/grype/grype/db/v6"
)

type advisory struct {
	ID         string `json:"id"`
	Ecosystem  string `json:"ecosystem"`
	Package    string `json:"package"`
	Constraint string `json:"constraint"`
	Severity   string `json:"severity"`
}

func main() {
	if len(os.Args) != 2 {
		fail(fmt.Errorf("want one argument, the folder"))
	}
	var advisories []advisory
	if err := json.NewDecoder(os.Stdin).Decode(&advisories); err != nil {
		fail(err)
	}
	if err := write(os.Args[1], advisories); err != nil {
		fail(err)
	}
}

func write(folder string, advisories []advisory) error {
	db, err := v6.NewWriter(v6.Config{DBDirPath: folder, CacheSizeKiB: 4096})
	if err != nil {
		return err
	}
	if err := db.SetDBMetadata(); err != nil {
		return err
	}
	captured := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	provider := &v6.Provider{ID: "countersign-test", Version: "1", Processor: "by hand", DateCaptured: &captured}
	for _, a := range advisories {
		vulnerability := &v6.VulnerabilityHandle{
			Name: a.ID, Status: v6.VulnerabilityActive, ProviderID: provider.ID, Provider: provider,
			BlobValue: &v6.VulnerabilityBlob{ID: a.ID, Description: "of a test"},
		}
		if a.Severity != "" {
			vulnerability.BlobValue.Severities = []v6.Severity{{Scheme: v6.SeveritySchemeCHMLN, Value: a.Severity, Rank: 1}}
		}
		if err := db.AddVulnerabilities(vulnerability); err != nil {
			return err
		}
		if err := db.AddAffectedPackages(&v6.AffectedPackageHandle{
			VulnerabilityID: vulnerability.ID,
			Package:         &v6.Package{Ecosystem: a.Ecosystem, Name: a.Package},
			BlobValue: &v6.PackageBlob{Ranges: []v6.Range{{Version: v6.Version{Type: "semver", Constraint: a.Constraint}}}},
		}); err != nil {
			return err
		}
	}
	return db.Close()
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "vulnerability-db:", err)
	os.Exit(1)
}
