# How the scripts that bring real tools for tests fetch, prove, unpack and build them. Sourced with these set:
#   root   the project's own folder
#   dir    where tools go: DIR/bin/NAME is one link per tool, DIR/PART.stamp tells what was brought to its end, DIR/PART.versions what it was
# Each .deb comes from the Debian mirror of the machine's own apt sources and is proven the way apt proves it:
# InRelease by the archive's key, Packages.xz by InRelease, the .deb by Packages.xz. Nothing is installed.
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# part NAME DIGEST COMMAND: runs the command unless it has run to its end for this digest.
part() {
  [ "$(cat "$dir/$1.stamp" 2>/dev/null)" != "$2" ] || return 0
  "$3" "$2"
  echo "$2" >"$dir/$1.stamp" # last: only what was finished counts as there
}

prepare_debian() {
  need curl curl; need gpgv gpgv; need xz xz-utils; need dpkg dpkg
  [ -r "$keyring" ] || die "$keyring is missing: apt-get install debian-archive-keyring"
  mkdir -p "$dir/suites"
  proxy_of_apt
}

# install_python NAME COMMAND DIGEST [VERSION]: an environment of its own by the lock in tools/NAME; its command is linked as NAME.
install_python() {
  local to=$dir/$1
  need python3 python3-venv
  rm -rf "$to"
  echo "bring: $1 from PyPI" >&2
  python3 -m venv "$to" >&2 || die 'python3 makes no virtual environment: apt-get install python3-venv'
  retry "$to/bin/pip" install --quiet --disable-pip-version-check --no-input --timeout 30 \
    --require-hashes --only-binary :all: --requirement "$root/tools/$1/requirements.txt" >&2
  ln -sfn "../$1/bin/$2" "$dir/bin/$1"
  version "$1" "${4-$("$to/bin/$2" --version | sed 's/.* //')}" pypi "$3"
}

# build_go LOCK NAME PACKAGE [LDFLAGS]: a program by the lock in tools/LOCK, static unless CGO_ENABLED says otherwise, with the build tags of $go_tags.
build_go() {
  CGO_ENABLED=${CGO_ENABLED-0} GOFLAGS=-mod=readonly GOTOOLCHAIN=local GOWORK=off \
    retry go build -C "$root/tools/$1" -tags="${go_tags-}" -trimpath -buildvcs=false -ldflags="-s -w ${4-}" -o "$dir/bin/$2" "$3" >&2
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
  echo "bring: $name: $package $version from $suite" >&2
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
  echo "bring: $1 is left out: $2" >&2
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
    echo "bring: $1: not signed by the archive" >&2
    cat "$2.log" >&2
    return 1
  fi
  grep -qxE "(Codename|Suite): $3" "$2" || { echo "bring: $1: not of suite $3" >&2; return 1; }
  until=$(sed -n 's/^Valid-Until: //p' "$2")
  [ -z "$until" ] || [ "$(date +%s)" -le "$(date -d "$until" +%s)" ] ||
    apt-config dump Acquire::Check-Valid-Until | grep -q '"false"' || { echo "bring: $1: expired on $until" >&2; return 1; }
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
    { echo "bring: GET $1 failed" >&2; rm -f "$2"; return 1; }
  [ -z "${3-}" ] || echo "$3  $2" | sha256sum --check --status || { echo "bring: $1: want SHA-256 $3" >&2; rm -f "$2"; return 1; }
}

proxy_of_apt() {
  local proxy
  proxy=$(apt-config dump Acquire::http::Proxy | sed -nE 's/^Acquire::http::Proxy "(.*)";$/\1/p')
  if [ -n "$proxy" ] && [ "$proxy" != DIRECT ]; then export http_proxy=${http_proxy-$proxy}; fi
}

need() { command -v "$1" >/dev/null || die "$1 is missing: apt-get install $2"; }

die() { echo "bring: $*" >&2; exit 1; }
