// Sigstore's own provider of keys in Vault and OpenBao, as a plugin: Debian's cosign leaves the provider out, and asks for a plugin instead.
package main

import (
	"log"
	"os"

	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/handler"
	"github.com/sigstore/sigstore/pkg/signature/kms/hashivault"
)

func main() {
	args, err := handler.GetPluginArgs(os.Args)
	if err != nil {
		log.Fatal(err)
	}
	// cosign gives what is behind the scheme; to the provider both schemes are one.
	key, err := hashivault.LoadSignerVerifier(hashivault.ReferenceScheme+args.InitOptions.KeyResourceID, args.InitOptions.HashFunc)
	if err != nil {
		_ = handler.WriteErrorResponse(os.Stdout, err)
		return
	}
	if _, err := handler.Dispatch(os.Stdout, os.Stdin, args, key); err != nil {
		log.Fatal(err)
	}
}
