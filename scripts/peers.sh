#!/usr/bin/env bash
# Brings the real tools that test:peers and bench run beside us into .cache/peers (ignored by git):
#   .cache/peers/bin/NAME      one link per tool; a library that a tool needs bears its own name
#   .cache/peers/versions.txt  NAME VERSION SUITE SHA256-of-the-.deb, one line per tool; SHA-256 of the lock where no .deb is
# Clients that Debian has not come from npm, PyPI and Go's module proxy, by the locks in tools/, which pin every digest.
#   .cache/peers/debian-root   a small Debian, unpacked as debootstrap does at first, for the tools that list what is in one
# Run again it only prints the versions; `--refresh` fetches again (sid moves). A missing tool is a failure.
set -euo pipefail

# name          suite   package          file inside the package   (optional: left out, aloud, where its libraries do not resolve)
tools='
cosign-2        trixie  cosign           usr/bin/cosign            required
cosign-3        sid     cosign           usr/bin/cosign            required
crane           sid     crane            usr/bin/crane             required
sigstore-go     sid     sigstore-go      usr/bin/sigstore-go-verification required
sigstore-go-signing sid sigstore-go      usr/bin/sigstore-go-signing required
rekor-cli       sid     rekor            usr/bin/rekor-cli         required
oras            trixie  oras             usr/bin/oras              required
docker-registry trixie  docker-registry  usr/bin/docker-registry   required
umoci           trixie  umoci            usr/bin/umoci             required
busybox         trixie  busybox-static   usr/bin/busybox           required
dockerd         sid     docker.io        usr/sbin/dockerd          required
dockerd-26      trixie  docker.io        usr/sbin/dockerd          required
docker-buildx   sid     docker-buildx    usr/libexec/docker/cli-plugins/docker-buildx required
containerd      sid     containerd       usr/bin/containerd        required
runc            bookworm runc            usr/sbin/runc             required
certspotter     trixie  certspotter      usr/bin/certspotter       required
skopeo          trixie  skopeo           usr/bin/skopeo            optional
zsh             bookworm zsh             bin/zsh                   optional
zsh-functions   bookworm zsh-common      usr/share/zsh/functions/Completion/compinit optional
libpcre2-32.so.0 bookworm libpcre2-32-0  usr/lib/x86_64-linux-gnu/libpcre2-32.so.0 optional
fish            bookworm fish            usr/bin/fish              optional
'
# What the small Debian is made of. base-files comes first: it makes the links that the others unpack through.
root_suite=trixie
root_packages='base-files base-passwd bash coreutils dash debianutils dpkg libc6 tzdata zlib1g'
root=$(cd "$(dirname "$0")/.." && pwd)
dir=$root/.cache/peers
. "$root/scripts/bring.sh"

locked='sigstore-js sigstore-python ct-reader litewitness cyclonedx-npm debsbom pitloom grype' # each has its lock in tools/NAME and its function below

main() {
  local name
  [ "${1-}" != --refresh ] || rm -rf "$dir"
  part debian "$(digest <<<"$tools")" from_debian
  part debian-root "$(digest <<<"$root_suite $root_packages")" unpack_debian_root
  for name in $locked; do part "$name" "$(cat "$root/tools/$name"/* | digest)" "from_lock_of_$name"; done
  links_work || die 'a tool is missing'
  cat "$dir"/*.versions | tee "$dir/versions.txt"
}

from_debian() {
  need ldd libc-bin
  rm -rf "$dir"
  mkdir -p "$dir/bin"
  prepare_debian
  local name suite package file need
  while read -r name suite package file need; do
    [ -n "$name" ] && bring "$name" "$suite" "$package" "$file" "$need"
  done <<<"$tools"
  rm -rf "$dir/suites"
}

# Each package as it is unpacked and, in dpkg's own record, as it is described: nothing of it is run.
unpack_debian_root() {
  local to=$dir/debian-root package version filename sha256 deb=$dir/suites/package.deb
  prepare_debian
  rm -rf "$to" && mkdir -p "$to/var/lib/dpkg"
  fetch_index "$root_suite"
  for package in $root_packages; do
    read -r version filename sha256 < <(stanza "$package" <"$dir/suites/$root_suite.packages" | sort -V | tail -1) ||
      die "$package: not in the index of $root_suite"
    echo "peers: debian-root: $package $version from $root_suite" >&2
    download "$(cat "$dir/suites/$root_suite.mirror")/$filename" "$deb" "$sha256"
    dpkg -x "$deb" "$to"
    { dpkg-deb --field "$deb" | sed '/^Package:/a Status: install ok installed'; echo; } >>"$to/var/lib/dpkg/status"
  done
  rm -rf "$dir/suites"
  version debian-root "$(dpkg-query --admindir="$to/var/lib/dpkg" -f '${Version}' -W base-files)" "$root_suite" "$1"
}

# The command `sigstore` of npm, and the libraries it is made of. It is run by the node that runs the tests.
from_lock_of_sigstore-js() {
  local to=$dir/sigstore-js
  rm -rf "$to" && mkdir -p "$to"
  cp "$root"/tools/sigstore-js/package*.json "$to"
  echo 'peers: sigstore-js from npm' >&2
  retry npm ci --prefix "$to" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  ln -sfn ../sigstore-js/node_modules/@sigstore/cli/bin/run "$dir/bin/sigstore-js"
  version sigstore-js "$(node -p 'require(process.argv[1]).version' "$to/node_modules/@sigstore/cli/package.json")" npm "$1"
}

from_lock_of_sigstore-python() { install_python sigstore-python sigstore "$1"; }

from_lock_of_ct-reader() {
  need go 'golang-go (1.24 or later)'
  echo 'peers: ct-reader by Go modules' >&2
  build_go ct-reader ct-reader .
  version ct-reader "$(awk '$1 == "filippo.io/sunlight" { print "sunlight-" $2 }' "$root/tools/ct-reader/go.mod")" go "$1"
}

from_lock_of_litewitness() {
  need go 'golang-go (1.24 or later)'
  need ssh-agent openssh-client # it signs by one
  echo 'peers: litewitness by Go modules' >&2
  build_go litewitness litewitness filippo.io/torchwood/cmd/litewitness
  version litewitness "$(awk '$1 == "filippo.io/torchwood" { print "torchwood-" $2 }' "$root/tools/litewitness/go.mod")" go "$1"
}

# Lists this package's own dependencies. It is run by the node that runs the tests.
from_lock_of_cyclonedx-npm() {
  local to=$dir/cyclonedx-npm
  rm -rf "$to" && mkdir -p "$to"
  cp "$root"/tools/cyclonedx-npm/package*.json "$to"
  echo 'peers: cyclonedx-npm from npm' >&2
  retry npm ci --prefix "$to" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  ln -sfn ../cyclonedx-npm/node_modules/@cyclonedx/cyclonedx-npm/bin/cyclonedx-npm-cli.js "$dir/bin/cyclonedx-npm"
  version cyclonedx-npm "$(node -p 'require(process.argv[1]).version' "$to/node_modules/@cyclonedx/cyclonedx-npm/package.json")" npm "$1"
}

from_lock_of_debsbom() { install_python debsbom debsbom "$1"; }

from_lock_of_pitloom() { install_python pitloom loom "$1"; }

# Grype, the Syft that it stands on, and what makes a database for it. From nothing it takes six minutes of one core; Go keeps it.
from_lock_of_grype() {
  need go 'golang-go (1.26.8 or later)'
  local name version
  for name in syft grype; do
    version=$(cd "$root/tools/grype" && GOFLAGS=-mod=readonly GOTOOLCHAIN=local go list -m -f '{{.Version}}' "github.com/anchore/$name")
    echo "peers: $name $version by Go modules" >&2
    build_go grype "$name" "github.com/anchore/$name/cmd/$name" "-X main.version=${version#v}"
  done
  build_go grype vulnerability-db .
  version grype "${version#v}" go "$1" # the last one
}

links_work() {
  local name suite package file need
  while read -r name suite package file need; do
    [ -z "$name" ] || [ -x "$dir/bin/$name" ] || [ "$need" = optional ] || { echo "peers: $name is missing" >&2; return 1; }
  done <<<"$tools"
  for name in $locked syft vulnerability-db; do [ -x "$dir/bin/$name" ] || { echo "peers: $name is missing" >&2; return 1; }; done
}

main "$@"
