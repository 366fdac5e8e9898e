#!/usr/bin/env bash
# Brings the real tools that test:peers and bench run beside us into .cache/peers (ignored by git):
#   .cache/peers/bin/NAME      one link per tool; a library that a tool needs bears its own name
#   .cache/peers/versions.txt  NAME VERSION SUITE SHA256-of-the-.deb, one line per tool; SHA-256 of the lock where no .deb is
# Each .deb comes from the Debian mirror of the machine's own apt sources and is proven the way apt proves it:
# InRelease by the archive's key, Packages.xz by InRelease, the .deb by Packages.xz. Nothing is installed.
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
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
root=$(cd "$(dirname "$0")/.." && pwd)
dir=$root/.cache/peers

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

# part NAME DIGEST COMMAND: runs the command unless it has run to its end for this digest.
part() {
  [ "$(cat "$dir/$1.stamp" 2>/dev/null)" != "$2" ] || return 0
  "$3" "$2"
  echo "$2" >"$dir/$1.stamp" # last: only what was finished counts as there
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

prepare_debian() {
  need curl curl; need gpgv gpgv; need xz xz-utils; need dpkg dpkg
  [ -r "$keyring" ] || die "$keyring is missing: apt-get install debian-archive-keyring"
  mkdir -p "$dir/suites"
  proxy_of_apt
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

# install_python NAME COMMAND DIGEST: an environment of its own by the lock in tools/NAME; its command is linked as NAME.
install_python() {
  local to=$dir/$1
  need python3 python3-venv
  rm -rf "$to"
  echo "peers: $1 from PyPI" >&2
  python3 -m venv "$to" >&2 || die 'python3 makes no virtual environment: apt-get install python3-venv'
  retry "$to/bin/pip" install --quiet --disable-pip-version-check --no-input --timeout 30 \
    --require-hashes --only-binary :all: --requirement "$root/tools/$1/requirements.txt" >&2
  ln -sfn "../$1/bin/$2" "$dir/bin/$1"
  version "$1" "$("$to/bin/$2" --version | sed 's/.* //')" pypi "$3"
}

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

# build_go LOCK NAME PACKAGE [LDFLAGS]: a static program by the lock in tools/LOCK.
build_go() {
  CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local GOWORK=off \
    retry go build -C "$root/tools/$1" -trimpath -buildvcs=false -ldflags="-s -w ${4-}" -o "$dir/bin/$2" "$3" >&2
}

# retry COMMAND...: a registry may be away for a moment.
retry() { "$@" || { sleep 3; "$@"; } || { sleep 10; "$@"; }; }

# version NAME VERSION WHERE DIGEST: what was brought by a lock.
version() { printf '%-16s %-22s %-8s %s\n' "$@" >"$dir/$1.versions"; }

digest() { sha256sum | cut -d' ' -f1; }

# bring NAME SUITE PACKAGE FILE NEED: downloads, proves, unpacks and links one tool.
bring() {
  local name=$1 suite=$2 package=$3 file=$4 need=$5 version filename sha256
  [ -f "$dir/suites/$suite.packages" ] || fetch_index "$suite"
  read -r version filename sha256 < <(stanza "$package" <"$dir/suites/$suite.packages" | sort -V | tail -1) ||
    die "$package: not in the index of $suite"
  echo "peers: $name: $package $version from $suite" >&2
  download "$(cat "$dir/suites/$suite.mirror")/$filename" "$dir/suites/$name.deb" "$sha256"
  dpkg -x "$dir/suites/$name.deb" "$dir/$name"
  rm "$dir/suites/$name.deb"
  if [ ! -e "$dir/$name/$file" ]; then
    [ "$need" = optional ] || die "$name: $package $version holds no $file"
    leave_out "$name" "$package $version holds no $file"
    return
  fi
  if LD_LIBRARY_PATH=$dir/bin ldd "$dir/$name/$file" 2>&1 | grep -q 'not found'; then # prints "not a dynamic executable" for a static one
    [ "$need" = optional ] || die "$name: $package $version does not run here: $(ldd "$dir/$name/$file" 2>&1 | grep 'not found')"
    leave_out "$name" "libraries of $suite are missing here"
    return
  fi
  ln -s "../$name/$file" "$dir/bin/$name"
  printf '%-16s %-22s %-8s %s\n' "$name" "$version" "$suite" "$sha256" >>"$dir/debian.versions"
}

# leave_out NAME WHY: an optional tool that cannot be used here is not left half there.
leave_out() {
  echo "peers: $1 is left out: $2" >&2
  rm -rf "${dir:?}/$1"
}

# fetch_index SUITE: leaves SUITE.mirror and the proven SUITE.packages.
fetch_index() {
  local suite=$1 mirror arch path sha256 at=$dir/suites/$1
  arch=$(dpkg --print-architecture)
  path=main/binary-$arch/Packages.xz
  for mirror in $(mirrors); do
    download "$mirror/dists/$suite/InRelease" "$at.signed" || continue
    prove "$at.signed" "$at.release" "$suite" && break
    rm -f "$at.release"
  done
  [ -f "$at.release" ] || die "no mirror of the apt sources serves suite $suite signed by the archive's keys"
  sha256=$(awk -v path="$path" '/^[^ ]/ { inside = $1 == "SHA256:" } inside && $3 == path { print $1 }' "$at.release")
  [ -n "$sha256" ] || die "$suite: its release names no SHA256 of $path"
  download "$mirror/dists/$suite/main/binary-$arch/by-hash/SHA256/$sha256" "$at.xz" "$sha256" ||
    download "$mirror/dists/$suite/$path" "$at.xz" "$sha256" || die "$suite: $path could not be fetched whole"
  xz -dc "$at.xz" >"$at.packages"
  echo "$mirror" >"$at.mirror"
}

# prove SIGNED OUT SUITE: the signed text alone, by a key of the archive, for this suite, not expired unless apt here allows that.
prove() {
  local until status
  # As apt has it: one good signature is enough beside signatures of keys newer than our keyring, but none may be bad.
  status=$(gpgv --quiet --status-fd 3 --keyring "$keyring" --output "$2" "$1" 3>&1 2>"$2.log" || true)
  if ! grep -q '^\[GNUPG:\] GOODSIG ' <<<"$status" || grep -q '^\[GNUPG:\] BADSIG ' <<<"$status"; then
    echo "peers: $1: not signed by the archive" >&2
    cat "$2.log" >&2
    return 1
  fi
  grep -qxE "(Codename|Suite): $3" "$2" || { echo "peers: $1: not of suite $3" >&2; return 1; }
  until=$(sed -n 's/^Valid-Until: //p' "$2")
  [ -z "$until" ] || [ "$(date +%s)" -le "$(date -d "$until" +%s)" ] ||
    apt-config dump Acquire::Check-Valid-Until | grep -q '"false"' || { echo "peers: $1: expired on $until" >&2; return 1; }
}

# mirrors: the http(s) addresses of the machine's apt sources, both formats, each once, in order.
mirrors() {
  {
    find /etc/apt/sources.list /etc/apt/sources.list.d -name '*.list' -exec cat {} + 2>/dev/null |
      sed -nE 's/^deb +(\[[^]]*\] +)?(https?:[^ ]+).*/\2/p'
    find /etc/apt/sources.list.d -name '*.sources' -exec cat {} + 2>/dev/null | sed -nE 's/^URIs: *//p' | tr ' ' '\n' | grep -E '^https?:'
  } | sed 's|/$||' | awk '!seen[$0]++' | sort -t/ -k4,4 -s # the main archive's /debian before its siblings
}

# stanza PACKAGE < Packages: VERSION FILENAME SHA256 of each version.
stanza() {
  awk -v RS= -v package="$1" '
    index($0, "Package: " package "\n") == 1 {
      split($0, lines, "\n")
      for (i in lines) { at = index(lines[i], ": "); field[substr(lines[i], 1, at - 1)] = substr(lines[i], at + 2) }
      print field["Version"], field["Filename"], field["SHA256"]
    }'
}

# download URL FILE [SHA256]: with retries; a file of another digest is not left behind.
download() {
  curl -fsSL --retry 4 --retry-all-errors --retry-delay 1 --connect-timeout 15 --max-time 300 --speed-limit 1000 --speed-time 30 -o "$2" "$1" ||
    { echo "peers: GET $1 failed" >&2; rm -f "$2"; return 1; }
  [ -z "${3-}" ] || echo "$3  $2" | sha256sum --check --status || { echo "peers: $1: want SHA-256 $3" >&2; rm -f "$2"; return 1; }
}

proxy_of_apt() {
  local proxy
  proxy=$(apt-config dump Acquire::http::Proxy | sed -nE 's/^Acquire::http::Proxy "(.*)";$/\1/p')
  if [ -n "$proxy" ] && [ "$proxy" != DIRECT ]; then export http_proxy=${http_proxy-$proxy}; fi
}

links_work() {
  local name suite package file need
  while read -r name suite package file need; do
    [ -z "$name" ] || [ -x "$dir/bin/$name" ] || [ "$need" = optional ] || { echo "peers: $name is missing" >&2; return 1; }
  done <<<"$tools"
  for name in $locked syft vulnerability-db; do [ -x "$dir/bin/$name" ] || { echo "peers: $name is missing" >&2; return 1; }; done
}

need() { command -v "$1" >/dev/null || die "$1 is missing: apt-get install $2"; }
die() { echo "peers: $*" >&2; exit 1; }

main "$@"
