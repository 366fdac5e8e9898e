#!/usr/bin/env bash
# Brings the real API server that test:cluster runs us against into .cache/cluster (ignored by git):
#   .cache/cluster/bin/NAME       one link per tool
#   .cache/cluster/versions.txt   NAME VERSION WHERE SHA256, one line per tool: of the .deb, or of the lock
# kube-apiserver is built from Kubernetes' own module by the lock in tools/kube-apiserver; Debian's packages are proven by its signed index.
# Run again it only prints the versions; `--refresh` fetches again (sid moves). A missing tool is a failure.
set -euo pipefail

# name          suite   package          file inside the package
tools='
etcd            sid     etcd-server      usr/bin/etcd
kubectl         sid     kubectl          usr/bin/kubectl
'
root=$(cd "$(dirname "$0")/.." && pwd)
dir=$root/.cache/cluster
. "$root/scripts/bring.sh"

main() {
  [ "${1-}" != --refresh ] || rm -rf "$dir"
  mkdir -p "$dir/bin"
  part debian "$(digest <<<"$tools")" from_debian
  part kube-apiserver "$(cat "$root/tools/kube-apiserver"/* | digest)" from_lock_of_kube-apiserver
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

# The API server of Kubernetes. Clients parse its version, which only its own build writes into it. From nothing it takes eight minutes of one
# core, 1.9 GB at its end, and 2.3 GB that Go keeps; without what debuggers read it takes a tenth less.
from_lock_of_kube-apiserver() {
  need go 'golang-go (1.26 or later)'
  local version
  version=$(awk '$1 == "k8s.io/kubernetes" { print $2 }' "$root/tools/kube-apiserver/go.mod")
  echo "cluster: kube-apiserver $version by Go modules" >&2
  CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local GOWORK=off \
    retry go build -C "$root/tools/kube-apiserver" -trimpath -buildvcs=false -gcflags=all=-dwarf=false \
    -ldflags="-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$dir/bin/kube-apiserver" . >&2
  version kube-apiserver "$version" go "$1"
}

main "$@"
