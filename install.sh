#!/bin/sh
# Installs `ag`. No root needed.
#
#   sh install.sh                                   in a checkout: builds it from source and installs that
#   curl -fsSL …/install.sh | sh                    downloads the release for this machine and verifies it
#   curl -fsSL …/install.sh | sh -s -- --prefix DIR
#
# The whole program stands in functions and the last line calls it: half a download does nothing.
set -eu

RELEASE_URL="${AG_RELEASE_URL:-https://github.com/ag-gateway/ag/releases}"

usage() {
  cat <<'TEXT'
Usage: install.sh [--prefix DIR] [--release VERSION] [--force]
       install.sh --uninstall [--prefix DIR]

  --prefix DIR        install to DIR/bin/ag (default: ~/.local)
  --release VERSION   download this release, for example v0.1.0 (default: the latest); not in a checkout
  --force             replace or remove a program named ag that is not this one
  --uninstall         remove what was installed; accounts and settings stay
TEXT
}

main() {
  prefix=
  release=
  force=no
  action=install
  while [ $# -gt 0 ]; do
    case $1 in
      --prefix) [ $# -ge 2 ] || misuse "--prefix needs a directory"; prefix=$2; shift ;;
      --prefix=*) prefix=${1#*=} ;;
      --release) [ $# -ge 2 ] || misuse "--release needs a version"; release=$2; shift ;;
      --release=*) release=${1#*=} ;;
      --force) force=yes ;;
      --uninstall) action=uninstall ;;
      -h | --help) usage; exit 0 ;;
      *) misuse "Unknown argument $1" ;;
    esac
    shift
  done
  if [ -z "$prefix" ]; then
    [ -n "${HOME:-}" ] || die "HOME is not set: say where to install with --prefix DIR"
    prefix=$HOME/.local
  fi
  case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
  bin_dir=${prefix%/}/bin
  program=$bin_dir/ag

  if [ "$action" = uninstall ]; then uninstall; else install_program; fi
}

install_program() {
  refuse_stranger "replace"
  work_dir=$(mktemp -d "${TMPDIR:-/tmp}/ag-install.XXXXXX")
  # Beside its final place, so that the last step is a rename: there is never half a program.
  staged=$bin_dir/.ag-install-$$
  missing_levels=$(count_missing "$bin_dir")
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  mkdir -p "$bin_dir" 2>/dev/null || die "Cannot create $bin_dir. Choose another place with --prefix DIR"
  [ -w "$bin_dir" ] || die "Cannot write to $bin_dir. Choose another place with --prefix DIR"

  checkout=$(checkout_directory)
  if [ -n "$checkout" ]; then
    [ -z "$release" ] || misuse "--release is for downloads; this checkout builds what it holds"
    build_from_source
  else
    download_release
  fi

  chmod 755 "$staged"
  sign_if_needed
  version=$("$staged" --version 2>"$work_dir/run-error" </dev/null) || explain_broken
  mv -f "$staged" "$program"

  say "Installed $version to $program"
  say "  $origin"
  say "  Undo: rm '$program'    (accounts and settings are kept apart from it)"
  hint_path
  say "Next: ag serve --demo    (try it offline), ag --help"
}

# How many of the last directories in a path do not exist yet.
count_missing() {
  levels=0
  directory=$1
  while [ ! -e "$directory" ] && [ ! -L "$directory" ]; do
    levels=$((levels + 1))
    directory=$(dirname -- "$directory")
  done
  printf '%s\n' "$levels"
}

# Directories made for nothing go too; one that holds the program is not empty and stays.
clean_up() {
  rm -rf "$work_dir" "$staged"
  directory=$bin_dir
  while [ "$missing_levels" -gt 0 ] && rmdir "$directory" 2>/dev/null; do
    missing_levels=$((missing_levels - 1))
    directory=$(dirname -- "$directory")
  done
}

build_from_source() {
  command -v node >/dev/null 2>&1 || die "Building from source needs Node 20 or newer with npm: https://nodejs.org"
  say "Building ag from $checkout"
  node "$checkout/scripts/with-bun.mjs" scripts/build.ts --outdir "$work_dir" >"$work_dir/build-log" 2>&1 || {
    cat "$work_dir/build-log" >&2
    die "The build failed"
  }
  mv "$work_dir"/ag-* "$staged"
  origin="built from $checkout"
}

download_release() {
  asset=ag-$(detect_target).gz
  case $release in
    "") base=$RELEASE_URL/latest/download ;;
    *) base=$RELEASE_URL/download/$release ;;
  esac
  say "Downloading $base/$asset"
  download "$base/SHA256SUMS" "$work_dir/SHA256SUMS"
  download "$base/$asset" "$work_dir/$asset"
  expected=$(awk -v name="$asset" '$2 == name || $2 == "*" name { print $1; exit }' "$work_dir/SHA256SUMS")
  [ -n "$expected" ] || die "SHA256SUMS of this release does not list $asset. Nothing was installed"
  actual=$(sha256 "$work_dir/$asset")
  [ "$actual" = "$expected" ] || die "$asset does not have the SHA-256 that the release states. Nothing was installed
    stated   $expected
    received $actual"
  gzip -dc "$work_dir/$asset" >"$staged" || die "$asset cannot be unpacked. Nothing was installed"
  origin="from $base/$asset, SHA-256 verified"
}

uninstall() {
  if [ ! -e "$program" ] && [ ! -L "$program" ]; then
    say "There is no $program: nothing to remove"
    return
  fi
  refuse_stranger "remove"
  rm -f "$program"
  say "Removed $program"
  say "Accounts and settings were left alone: ${AG_HOME:-${XDG_DATA_HOME:-~/.local/share}/ag and ${XDG_CONFIG_HOME:-~/.config}/ag}"
}

# The Silver Searcher is an ag too.
refuse_stranger() {
  [ ! -d "$program" ] || die "$program is a directory. Use --prefix DIR for a different place"
  [ -e "$program" ] && [ "$force" = no ] || return 0
  case $("$program" --version 2>/dev/null </dev/null | head -n 1) in
    "ag "[0-9]*) ;;
    *) die "$program is another program named ag. Use --prefix DIR for a different place, or --force to $1 it" ;;
  esac
}

# The directory of this script when it stands in a checkout; nothing when it is piped into a shell.
checkout_directory() {
  [ -f "$0" ] || return 0
  script=$0
  while [ -L "$script" ]; do
    target=$(readlink "$script") || return 0
    case $target in
      /*) script=$target ;;
      *) script=$(dirname -- "$script")/$target ;;
    esac
  done
  case $script in
    *install.sh) ;;
    *) return 0 ;;
  esac
  directory=$(CDPATH='' cd -- "$(dirname -- "$script")" && pwd) || return 0
  if [ -f "$directory/scripts/build.ts" ] && [ -f "$directory/src/main.ts" ]; then printf '%s\n' "$directory"; fi
}

detect_target() {
  machine=$(uname -m)
  case $machine in
    x86_64 | amd64) machine=x64 ;;
    aarch64 | arm64) machine=arm64 ;;
    *) die "There is no release for the processor $machine" ;;
  esac
  case $(uname -s) in
    Linux)
      # A musl loader may lie on a glibc system too, so ask for glibc first.
      if ! getconf GNU_LIBC_VERSION >/dev/null 2>&1 && ls /lib/ld-musl-* >/dev/null 2>&1; then machine=$machine-musl; fi
      printf 'linux-%s\n' "$machine"
      ;;
    Darwin)
      # A shell under Rosetta calls an Apple processor x86_64.
      if [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || echo 0)" = 1 ]; then machine=arm64; fi
      printf 'darwin-%s\n' "$machine"
      ;;
    MINGW* | MSYS* | CYGWIN*) die "On Windows download ag-windows-x64.exe from $RELEASE_URL" ;;
    *) die "There is no release for $(uname -s)" ;;
  esac
}

download() {
  if command -v curl >/dev/null 2>&1; then
    case $1 in
      https:*) curl -fsSL --proto '=https' --tlsv1.2 --retry 2 -o "$2" "$1" || failed_download "$1" ;;
      *) curl -fsSL --retry 2 -o "$2" "$1" || failed_download "$1" ;;
    esac
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O "$2" "$1" || failed_download "$1"
  else
    die "Downloading needs curl or wget"
  fi
}

failed_download() {
  die "Could not download $1. Nothing was installed"
}

sha256() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$1" | awk '{ print $1 }'
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 "$1" | awk '{ print $1 }'
  elif command -v openssl >/dev/null 2>&1; then
    openssl dgst -sha256 "$1" | awk '{ print $NF }'
  else
    die "Verifying the download needs sha256sum, shasum or openssl. Nothing was installed"
  fi
}

# Cross-compiled executables for Intel Macs carry a signature that macOS does not accept.
sign_if_needed() {
  [ "$(uname -s)" = Darwin ] && command -v codesign >/dev/null 2>&1 || return 0
  codesign --verify "$staged" >/dev/null 2>&1 && return 0
  codesign --remove-signature "$staged" >/dev/null 2>&1 || true
  codesign --sign - "$staged" >/dev/null 2>&1 || say "Warning: signing $staged failed; macOS may refuse to start it"
}

explain_broken() {
  cat "$work_dir/run-error" >&2
  if ls /lib/ld-musl-* >/dev/null 2>&1; then say "On Alpine it needs: apk add libstdc++ libgcc" >&2; fi
  die "The program does not start on this machine. Nothing was installed"
}

hint_path() {
  case ":$PATH:" in
    *":$bin_dir:"*)
      found=$(command -v ag || true)
      [ "$found" = "$program" ] || say "  Note: your shell finds $found first; put $bin_dir before it in PATH"
      ;;
    *) say "  $bin_dir is not in your PATH. Add to your shell's profile:  export PATH=\"$bin_dir:\$PATH\"" ;;
  esac
}

say() {
  printf '%s\n' "$*"
}

die() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

misuse() {
  printf 'install.sh: %s\n\n' "$*" >&2
  usage >&2
  exit 2
}

main "$@"
