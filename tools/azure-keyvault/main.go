// A vault of keys for tests, on loopback and in memory: the part of Azure Key Vault's data plane that signs. Bodies are those of Microsoft's own
// module azkeys, which is generated from the API's definition. It keeps nothing safe and is for tests alone.
//
// GET /identity-token is an App Service identity endpoint: the token that it gives is the X-IDENTITY-HEADER it is asked with. The vault takes
// two: "owner" may do all, "reader" may only look.
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	log.Fatal(http.Serve(listener, &vault{keys: map[string][]*version{}}))
}

type version struct {
	bundle  azkeys.KeyBundle
	private crypto.Signer
}

type vault struct {
	mutex sync.Mutex
	keys  map[string][]*version // oldest first
}

// refusal is an answer that is not what was asked for.
type refusal struct {
	status               int
	code, message, inner string
}

func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if r.URL.Path == "/identity-token" {
		answer(w, http.StatusOK, map[string]string{
			"access_token": r.Header.Get("X-Identity-Header"), "token_type": "Bearer", "resource": r.URL.Query().Get("resource"),
			"expires_on": fmt.Sprint(time.Now().Add(time.Hour).Unix()),
		})
		return
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token != "owner" && token != "reader" {
		w.Header().Set("WWW-Authenticate", `Bearer authorization="https://login.microsoftonline.com/00000000-0000-0000-0000-000000000001", resource="https://vault.azure.net"`)
		refuse(w, &refusal{401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.", ""})
		return
	}
	if r.URL.Query().Get("api-version") == "" {
		refuse(w, &refusal{400, "BadParameter", "api-version must be specified", ""})
		return
	}
	if token == "reader" && r.Method != http.MethodGet {
		refuse(w, &refusal{403, "Forbidden", "Caller is not authorized to perform action on resource.", "ForbiddenByRbac"})
		return
	}
	body, refused := v.route(r)
	if refused != nil {
		refuse(w, refused)
		return
	}
	answer(w, http.StatusOK, body)
}

func (v *vault) route(r *http.Request) (any, *refusal) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 2 || parts[0] != "keys" {
		return nil, &refusal{404, "NotFound", "no such path", ""}
	}
	name, rest := parts[1], parts[2:]
	switch {
	case r.Method == http.MethodPost && len(rest) == 1 && rest[0] == "create":
		return v.create(r, name)
	case r.Method == http.MethodGet && len(rest) == 1 && rest[0] == "versions":
		return v.list(name)
	case r.Method == http.MethodGet && len(rest) <= 1:
		found, refused := v.find(name, rest)
		if refused != nil {
			return nil, refused
		}
		return found.bundle, nil
	case r.Method == http.MethodPatch && len(rest) == 1:
		return v.update(r, name, rest)
	case r.Method == http.MethodPost && len(rest) == 2 && rest[1] == "sign":
		return v.sign(r, name, rest[:1])
	}
	return nil, &refusal{405, "MethodNotAllowed", "not served here", ""}
}

func (v *vault) find(name string, rest []string) (*version, *refusal) {
	versions := v.keys[name]
	if len(versions) > 0 && (len(rest) == 0 || rest[0] == "") {
		return versions[len(versions)-1], nil
	}
	for _, one := range versions {
		if one.bundle.Key.KID.Version() == rest[0] {
			return one, nil
		}
	}
	return nil, &refusal{404, "KeyNotFound", "A key with (name/id) " + name + " was not found in this key vault.", ""}
}

var curves = map[azkeys.CurveName]elliptic.Curve{
	azkeys.CurveNameP256: elliptic.P256(), azkeys.CurveNameP384: elliptic.P384(), azkeys.CurveNameP521: elliptic.P521(),
}

func (v *vault) create(r *http.Request, name string) (any, *refusal) {
	var asked azkeys.CreateKeyParameters
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Kty == nil {
		return nil, &refusal{400, "BadParameter", "no such key can be made", ""}
	}
	key := azkeys.JSONWebKey{Kty: asked.Kty, Crv: asked.Curve, KeyOps: asked.KeyOps}
	var private crypto.Signer
	var err error
	switch *asked.Kty {
	case azkeys.KeyTypeEC, azkeys.KeyTypeECHSM:
		curve := curves[*asked.Curve]
		if curve == nil {
			return nil, &refusal{400, "BadParameter", "no such curve", ""}
		}
		var made *ecdsa.PrivateKey
		if made, err = ecdsa.GenerateKey(curve, rand.Reader); err == nil {
			point, _ := made.PublicKey.Bytes()
			length := len(point) / 2
			private, key.X, key.Y = made, point[1:1+length], point[1+length:]
		}
	case azkeys.KeyTypeRSA, azkeys.KeyTypeRSAHSM:
		var made *rsa.PrivateKey
		if made, err = rsa.GenerateKey(rand.Reader, int(*asked.KeySize)); err == nil {
			private, key.N, key.E = made, made.N.Bytes(), big.NewInt(int64(made.E)).Bytes()
		}
	default:
		return nil, &refusal{400, "BadParameter", "no such kind of key", ""}
	}
	if err != nil {
		return nil, &refusal{400, "BadParameter", err.Error(), ""}
	}
	// Times are in seconds: versions that are made within one would have no order, so each is at least a second after the one before.
	created := time.Now().Truncate(time.Second)
	if versions := v.keys[name]; len(versions) > 0 {
		if last := *versions[len(versions)-1].bundle.Attributes.Created; !created.After(last) {
			created = last.Add(time.Second)
		}
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	key.KID = to.Ptr(azkeys.ID("https://" + r.Host + "/keys/" + name + "/" + hex.EncodeToString(id)))
	attributes := &azkeys.KeyAttributes{Enabled: to.Ptr(true), Created: &created, Updated: &created, RecoveryLevel: to.Ptr("Recoverable+Purgeable")}
	adopt(attributes, asked.KeyAttributes)
	made := &version{azkeys.KeyBundle{Key: &key, Attributes: attributes, Tags: asked.Tags}, private}
	v.keys[name] = append(v.keys[name], made)
	return made.bundle, nil
}

func (v *vault) list(name string) (any, *refusal) {
	items := azkeys.KeyPropertiesListResult{Value: []*azkeys.KeyProperties{}}
	for _, one := range v.keys[name] {
		items.Value = append(items.Value, &azkeys.KeyProperties{KID: one.bundle.Key.KID, Attributes: one.bundle.Attributes, Tags: one.bundle.Tags})
	}
	return items, nil
}

func (v *vault) update(r *http.Request, name string, rest []string) (any, *refusal) {
	var asked azkeys.UpdateKeyParameters
	found, refused := v.find(name, rest)
	if refused != nil {
		return nil, refused
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		return nil, &refusal{400, "BadParameter", "no such change", ""}
	}
	adopt(found.bundle.Attributes, asked.KeyAttributes)
	return found.bundle, nil
}

func adopt(attributes, asked *azkeys.KeyAttributes) {
	if asked == nil {
		return
	}
	if asked.Enabled != nil {
		attributes.Enabled = asked.Enabled
	}
	if asked.Expires != nil {
		attributes.Expires = asked.Expires
	}
	if asked.NotBefore != nil {
		attributes.NotBefore = asked.NotBefore
	}
}

func (v *vault) sign(r *http.Request, name string, rest []string) (any, *refusal) {
	var asked azkeys.SignParameters
	found, refused := v.find(name, rest)
	if refused != nil {
		return nil, refused
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Algorithm == nil {
		return nil, &refusal{400, "BadParameter", "no such signature", ""}
	}
	attributes, now := found.bundle.Attributes, time.Now()
	switch {
	case !*attributes.Enabled:
		return nil, &refusal{403, "Forbidden", "Operation sign is not allowed on a disabled key.", "KeyDisabled"}
	case attributes.Expires != nil && now.After(*attributes.Expires):
		return nil, &refusal{403, "Forbidden", "Operation sign is not allowed on an expired key.", "KeyExpired"}
	case attributes.NotBefore != nil && now.Before(*attributes.NotBefore):
		return nil, &refusal{403, "Forbidden", "Operation sign is not allowed on a not yet valid key.", "KeyNotYetValid"}
	case !slices.ContainsFunc(found.bundle.Key.KeyOps, func(op *azkeys.KeyOperation) bool { return *op == azkeys.KeyOperationSign }):
		return nil, &refusal{403, "Forbidden", "Operation sign is not permitted on this key.", "KeyOperationForbidden"}
	}
	signature, ok := signDigest(found.private, *asked.Algorithm, asked.Value)
	if !ok {
		return nil, &refusal{400, "BadParameter", "Key and signing algorithm are incompatible.", ""}
	}
	return azkeys.KeyOperationResult{KID: found.bundle.Key.KID, Result: signature}, nil
}

var hashes = map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}

// signDigest signs as RFC 7518 has it: ECDSA as r || s.
func signDigest(private crypto.Signer, algorithm azkeys.SignatureAlgorithm, digest []byte) ([]byte, bool) {
	hash := hashes[string(algorithm)[2:]]
	if hash == 0 || len(digest) != hash.Size() {
		return nil, false
	}
	switch key := private.(type) {
	case *ecdsa.PrivateKey:
		wanted := map[int]azkeys.SignatureAlgorithm{256: "ES256", 384: "ES384", 521: "ES512"}[key.Curve.Params().BitSize]
		if wanted != algorithm {
			return nil, false
		}
		r, s, err := ecdsa.Sign(rand.Reader, key, digest)
		if err != nil {
			return nil, false
		}
		length := (key.Curve.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, length)), s.FillBytes(make([]byte, length))...), true
	case *rsa.PrivateKey:
		if !strings.HasPrefix(string(algorithm), "RS") {
			return nil, false
		}
		signature, err := rsa.SignPKCS1v15(nil, key, hash, digest)
		return signature, err == nil
	}
	return nil, false
}

func answer(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, r *refusal) {
	problem := map[string]any{"code": r.code, "message": r.message}
	if r.inner != "" {
		problem["innererror"] = map[string]any{"code": r.inner}
	}
	answer(w, r.status, map[string]any{"error": problem})
}
