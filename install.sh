#!/bin/sh
# Installs dkv: a release, or a build of the checkout this script stands in.
#
#   curl -fsSL URL/install.sh | bash
#   curl -fsSL URL/install.sh | bash -s -- --path=DIR
#
# Plain POSIX shell, so that bash 3.2 (macOS), dash and busybox all run it. The braces around
# everything make a download that was cut short one syntax error: none of it runs.
#
# shellcheck disable=SC2088 # A tilde in quotes is for the reader's shell.
# shellcheck disable=SC2317 # The traps call clean_up.
{
set -eu
umask 022

# Where releases are, unless DKV_INSTALL_URL says otherwise. Empty: nowhere yet.
# The project's public download address goes here, and nowhere else.
default_url=""

# What this run has to undo when it ends early, and to remove in any case.
scratch=
beside=
made=
finished=false

usage() {
    cat <<'USAGE'
Usage: install.sh [--path DIR] [--version VERSION]
       install.sh [--path DIR] --source
       install.sh [--path DIR] --uninstall

Installs the dkv binary, its manual pages, and completions for bash, zsh and
fish. Running it again upgrades. Releases come from DKV_INSTALL_URL.

  --path DIR         install below DIR: DIR/bin/dkv, DIR/share/...
                     (default: /usr/local for root, else ~/.local)
  --version VERSION  this release, e.g. 1.2.3 (default: the latest)
  --source           build the checkout this script stands in
                     (needs a Rust toolchain and a C compiler)
  --uninstall        remove what was installed; data is left alone
  --help             show this

Environment:
  DKV_INSTALL_URL    where releases are: DKV_INSTALL_URL/latest and
                     DKV_INSTALL_URL/vVERSION/dkv-VERSION-OS-ARCH.tar.gz

Exit codes: 0 done, 1 error (nothing was changed, or it says what), 2 usage.
USAGE
}

say() { printf '%s\n' "$*"; }

warn() { printf 'install.sh: %s\n' "$*" >&2; }

fail() {
    warn "$*"
    exit 1
}

misused() {
    warn "$*; see --help"
    exit 2
}

have() { command -v "$1" >/dev/null 2>&1; }

# Runs at every end, also after Ctrl-C: leaves no scratch files and no empty folders.
clean_up() {
    if [ -n "$beside" ]; then rm -f "$beside"; fi
    if [ -n "$scratch" ]; then rm -rf "$scratch"; fi
    if [ "$finished" = false ] && [ -n "$made" ]; then
        printf '%s' "$made" | LC_ALL=C sort -r | while IFS= read -r folder; do
            rmdir "$root/${folder#./}" 2>/dev/null || true
        done
    fi
}

# Text as one word of a shell; plain words stay as they are.
quoted() {
    case $1 in
        *[!A-Za-z0-9/._~-]*) printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")" ;;
        *) printf '%s' "$1" ;;
    esac
}

main() {
    from_source=false uninstall=false wanted='' root=''
    while [ $# -gt 0 ]; do
        case $1 in
            --path | --version)
                [ $# -ge 2 ] || misused "$1 needs a value, e.g. --path /usr/local, --version 1.2.3"
                set_option "$1" "$2"
                shift
                ;;
            --path=* | --version=*) set_option "${1%%=*}" "${1#*=}" ;;
            --source) from_source=true ;;
            --uninstall) uninstall=true ;;
            --help | -h)
                usage
                exit 0
                ;;
            *) misused "unknown argument \`$1\`" ;;
        esac
        shift
    done
    if [ "$uninstall" = true ] && { [ "$from_source" = true ] || [ -n "$wanted" ]; }; then
        misused "--uninstall goes with --path alone"
    fi
    if [ "$from_source" = true ] && [ -n "$wanted" ]; then
        misused "--version chooses a release, and --source builds what is checked out: use one"
    fi

    choose_root
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM

    if [ "$uninstall" = true ]; then
        remove_all
        return
    fi
    check_root
    if [ "$from_source" = true ]; then check_source; else check_release; fi
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/dkv-install.XXXXXX") ||
        fail "no temporary folder can be made in ${TMPDIR:-/tmp}: set TMPDIR to another one"
    if [ "$from_source" = true ]; then build_stage; else download_stage; fi
    install_stage
    say_what_next
}

set_option() {
    [ -n "$2" ] || misused "$1 is empty"
    case $1 in
        --path) root=$2 ;;
        *)
            wanted=${2#v}
            is_version "$wanted" || misused "\`$2\` is no version: write it like 1.2.3"
            ;;
    esac
}

# 1.2.3 or 1.2.3-rc.1; an answer that is a web page, or a path, is not.
is_version() {
    case $1 in
        *[!0-9A-Za-z.+-]* | *..*) return 1 ;;
        [0-9]*.[0-9]*.[0-9]*) return 0 ;;
        *) return 1 ;;
    esac
}

# Where to install, as an absolute path.
choose_root() {
    if [ -z "$root" ]; then
        kept_in=$(dirname "$0")
        if [ "$uninstall" = true ] && [ -f "$0" ] && [ -f "$kept_in/installed" ]; then
            # This is the copy that was installed: it knows where it is.
            root=$(cd "$kept_in/../.." && pwd)
        elif [ "$(id -u)" = 0 ]; then
            root=/usr/local
        else
            [ -n "${HOME:-}" ] || fail "HOME is not set: say where to install with --path DIR"
            root=$HOME/.local
        fi
    fi
    # A shell does not expand the tilde of --path=~/dkv.
    case $root in
        \~) root=${HOME:-\~} ;;
        \~/*) root=${HOME:-\~}/${root#\~/} ;;
    esac
    case $root in
        /*) ;;
        *) root=$PWD/$root ;;
    esac
    while :; do
        case $root in
            ?*/) root=${root%/} ;;
            *) break ;;
        esac
    done
    manifest=$root/share/dkv/installed
}

# Refuses a place that cannot be written before anything is downloaded or built.
check_root() {
    for folder in "$root/bin" "$root/share"; do
        while [ ! -e "$folder" ] && [ ! -L "$folder" ]; do
            folder=$(dirname "$folder")
        done
        [ -d "$folder" ] || fail "cannot install below $root: $folder is not a folder"
        [ -w "$folder" ] || refuse_unwritable "$folder"
    done
}

refuse_unwritable() {
    as_root="--path=$(quoted "$root")"
    if [ "$uninstall" = true ]; then
        fail "cannot write to $1: do it as root, with --uninstall $as_root"
    elif [ "$from_source" = true ]; then
        fail "cannot write to $1: do it as root, or in a folder of your own: add --path DIR"
    fi
    # sudo hands no environment on.
    if [ -n "${DKV_INSTALL_URL:-}" ]; then
        as_root="DKV_INSTALL_URL=$(quoted "$DKV_INSTALL_URL") bash -s -- $as_root"
    else
        as_root="bash -s -- $as_root"
    fi
    warn "cannot write to $1. Two ways out:"
    warn "  as root:                  ... | sudo $as_root"
    # shellcheck disable=SC2016 # $HOME is for the reader's shell.
    warn '  in a folder of your own:  ... | bash -s -- --path="$HOME/.local"'
    exit 1
}

# --- From a release -------------------------------------------------------------------------

check_release() {
    url=${DKV_INSTALL_URL:-$default_url}
    url=${url%/}
    [ -n "$url" ] ||
        fail "no release server is configured yet: set DKV_INSTALL_URL or use --source"
    case $url in
        https://* | http://* | file://*) ;;
        *) fail "DKV_INSTALL_URL must begin with https://, http:// or file://, not \`$url\`" ;;
    esac
    system=$(os_name) || exit 1
    architecture=$(architecture_name) || exit 1
    platform=$system-$architecture
    case $url in
        http://127.0.0.1[:/]* | http://localhost[:/]* | http://\[::1\]*) ;;
        http://*) warn "$url is not encrypted: the network between can change what is installed" ;;
    esac
    have curl || have wget || fail "curl or wget is needed to download: install one of them"
    have sha256sum || have shasum ||
        fail "sha256sum or shasum is needed to check the download: install one of them"
    if ! have tar || ! have gzip; then
        fail "tar and gzip are needed to unpack the download: install them"
    fi
}

os_name() {
    case $(uname -s) in
        Linux) echo linux ;;
        Darwin) echo macos ;;
        *) fail "there are no releases for $(uname -s): build it in a checkout with --source" ;;
    esac
}

architecture_name() {
    case $(uname -m) in
        x86_64 | amd64) echo x86_64 ;;
        aarch64 | arm64) echo aarch64 ;;
        *) fail "there are no releases for $(uname -m): build it in a checkout with --source" ;;
    esac
}

# Downloads $1 to the file $2. What went wrong is said by curl or wget.
download() {
    if have curl; then
        case $1 in
            https://*) curl -fsSL --connect-timeout 20 --retry 2 --proto =https -o "$2" "$1" ;;
            *) curl -fsSL --connect-timeout 20 --retry 2 -o "$2" "$1" ;;
        esac
    else
        wget -q -T 20 -O "$2" "$1"
    fi
}

# The SHA-256 of a file in hexadecimal.
sum_of() {
    if have sha256sum; then sum=$(sha256sum <"$1"); else sum=$(shasum -a 256 <"$1"); fi
    printf '%s' "${sum%% *}"
}

download_stage() {
    if [ -z "$wanted" ]; then
        download "$url/latest" "$scratch/latest" ||
            fail "cannot read $url/latest: is DKV_INSTALL_URL right, and can it be reached?"
        wanted=$(head -n 1 "$scratch/latest" | tr -d ' \r')
        wanted=${wanted#v}
        is_version "$wanted" ||
            fail "$url/latest does not hold a version: is DKV_INSTALL_URL right?"
    fi
    name=dkv-$wanted-$platform
    archive=$scratch/$name.tar.gz
    say "Downloading $url/v$wanted/$name.tar.gz"
    if ! download "$url/v$wanted/$name.tar.gz" "$archive" ||
        ! download "$url/v$wanted/$name.tar.gz.sha256" "$archive.sha256"; then
        fail "dkv $wanted for $platform cannot be downloaded from $url:" \
            "is there such a version, and can the server be reached?"
    fi
    verify "$archive"
    tar -xzf "$archive" -C "$scratch" || fail "$name.tar.gz cannot be unpacked"
    stage=$scratch/$name
    [ -f "$stage/bin/dkv" ] || fail "$name.tar.gz has no $name/bin/dkv: it is no release of dkv"
}

# Nothing is unpacked before its checksum is right.
verify() {
    expected=$(head -n 1 "$1.sha256" | tr 'A-F' 'a-f')
    expected=${expected%% *}
    case $expected in
        '' | *[!0-9a-f]*) fail "$url/v$wanted/$name.tar.gz.sha256 does not hold a checksum" ;;
    esac
    actual=$(sum_of "$1")
    if [ "$actual" != "$expected" ]; then
        rm -f "$1"
        warn "the checksum of $name.tar.gz is wrong; it was deleted, and nothing was installed"
        warn "  expected $expected"
        warn "  got      $actual"
        fail "the download is damaged or is not what was released: try again, and if it" \
            "happens again do not use this server"
    fi
}

# --- From source ----------------------------------------------------------------------------

check_source() {
    checkout=
    if [ -f "$0" ]; then checkout=$(cd "$(dirname "$0")" && pwd); fi
    if [ -z "$checkout" ] || [ ! -f "$checkout/Cargo.toml" ]; then
        fail "--source builds the checkout this script stands in, and there is none:" \
            "clone the repository, then run ./install.sh --source in it"
    fi
    have cargo || fail "cargo is missing: install Rust from https://rustup.rs, then run this again"
}

# The same layout as an archive of a release.
build_stage() {
    # DKV_INSTALL_PROFILE is for tests of this script: a profile that is built already.
    (cd "$checkout" && cargo build --locked --bin dkv \
        --profile "${DKV_INSTALL_PROFILE:-release}" \
        --message-format json-render-diagnostics) >"$scratch/messages" ||
        fail "the build failed; nothing was installed"
    # Where the binary is depends on cargo's settings: cargo says it.
    built=$(sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' "$scratch/messages" | tail -n 1)
    [ -f "$built" ] || fail "cargo did not say where it put the binary"
    stage=$scratch/stage
    mkdir -p "$stage/bin"
    cp "$built" "$stage/bin/dkv"
    "$checkout/scripts/lay-out" "$stage" || fail "the manual and completions cannot be made"
    wanted=$(run_alone "$stage/bin/dkv" version) || fail "the binary that was built does not run"
    wanted=${wanted#dkv }
}

# --- Installing -----------------------------------------------------------------------------

# Runs a binary without the settings of this shell's environment.
run_alone() { env -i PATH="$PATH" "$@"; }

install_stage() {
    odd=$(find "$stage" ! -type f ! -type d | head -n 1)
    [ -z "$odd" ] || fail "the release holds something that is neither a file nor a folder: $odd"
    files=$(cd "$stage" && find bin share -type f | LC_ALL=C sort)
    old=
    if [ -f "$manifest" ]; then old=$(grep -v '^#' "$manifest" || true); fi
    old_folders=$(printf '%s\n' "$old" | grep '/$' || true)

    for file in $files; do
        if [ -d "$root/$file" ]; then
            fail "$root/$file is a folder: move it away, then run this again"
        fi
    done

    # The binary is tried where it will stand before the old one gives way.
    make_folder bin
    try_binary
    make_folder share/dkv
    for file in $files; do make_folder "$(dirname "$file")"; done
    # Until all is done the manifest names what was there and what comes, so that even after
    # an interruption --uninstall finds everything.
    write_manifest "$(printf '%s\n%s\n' "$files" "$old" | grep -v '/$')"
    finished=true
    for file in $files; do put "$file"; done
    # Pages of commands that are gone go too.
    printf '%s\n' "$old" | grep -v '/$' | while IFS= read -r file; do
        if is_ours "$file" && ! printf '%s\n' "$files" | grep -Fqx -- "$file"; then
            rm -f "$root/$file"
        fi
    done
    write_manifest "$files"
}

# Makes a folder below the root, with those above it, and remembers which are new.
make_folder() {
    if [ -d "$root/$1" ]; then return; fi
    if [ "$1" = . ]; then
        mkdir -p "$root" 2>/dev/null || refuse_unwritable "$root"
    else
        make_folder "$(dirname "$1")"
        mkdir "$root/$1" 2>/dev/null || refuse_unwritable "$root/$1"
    fi
    made="$made$1/
"
}

try_binary() {
    beside=$root/bin/.dkv.new.$$
    copy "$stage/bin/dkv" 755
    answer=$(run_alone "$beside" version 2>&1) || {
        warn "the new binary does not run on this machine:"
        warn "  $answer"
        fail "nothing was installed; build it in a checkout with --source"
    }
    rm -f "$beside"
    beside=
    [ "$answer" = "dkv $wanted" ] ||
        fail "this should be dkv $wanted, and calls itself \`$answer\`; nothing was installed"
    if [ -e "$root/bin/dkv" ] && ! printf '%s\n' "$old" | grep -Fqx bin/dkv; then
        warn "replacing $root/bin/dkv, which this script did not install"
    fi
}

copy() {
    if ! cp "$1" "$beside" || ! chmod "$2" "$beside"; then refuse_unwritable "$(dirname "$beside")"; fi
}

# Writes a file beside its place and renames it: it is there whole, or as it was.
put() {
    mode=644
    if [ "$1" = bin/dkv ]; then mode=755; fi
    beside=$root/$(dirname "$1")/.dkv.new.$$
    copy "$stage/$1" "$mode"
    mv -f "$beside" "$root/$1" || fail "cannot write $root/$1"
    beside=
}

# The manifest: what --uninstall removes, one path a line below the root, folders with a slash.
write_manifest() {
    {
        printf '# Installed by install.sh of dkv %s; --uninstall removes these.\n' "$wanted"
        printf '%s\nshare/dkv/installed\n' "$1" | LC_ALL=C sort -u | grep .
        printf '%s\n%s' "$old_folders" "$made" | LC_ALL=C sort -u | grep . || true
    } >"$scratch/installed"
    beside=$root/share/dkv/.installed.new.$$
    copy "$scratch/installed" 644
    mv -f "$beside" "$manifest" || fail "cannot write $manifest"
    beside=
}

# Whether a line of a manifest stays below the root.
is_ours() {
    case /$1/ in
        // | //* | */../*) return 1 ;;
        /bin/* | /share/*) return 0 ;;
        *) return 1 ;;
    esac
}

remove_all() {
    finished=true
    [ -f "$manifest" ] ||
        fail "nothing to remove: $manifest is missing; if it was installed elsewhere, add --path DIR"
    version=$(sed -n 's/^# Installed by install.sh of dkv \([^;]*\);.*/\1/p' "$manifest")
    lines=$(grep -v '^#' "$manifest" || true)
    # The manifest goes last, so that a removal which failed can be repeated.
    printf '%s\n' "$lines" | grep -v '/$' | grep -Fvx share/dkv/installed |
        while IFS= read -r file; do
            is_ours "$file" || fail "$manifest is damaged: \`$file\` is no file of dkv"
            rm -f "$root/$file" || refuse_unwritable "$(dirname "$root/$file")"
        done || exit 1
    rm -f "$manifest" || refuse_unwritable "$(dirname "$manifest")"
    # Only folders that this script made, and only if nobody else has put something there.
    printf '%s\n' "$lines" | grep '/$' | LC_ALL=C sort -r | while IFS= read -r folder; do
        if [ "$folder" = ./ ] || is_ours "$folder"; then
            rmdir "$root/${folder#./}" 2>/dev/null || true
        fi
    done
    say "dkv ${version:-of an unknown version} was removed from $root; data directories were left alone."
}

# --- What next ------------------------------------------------------------------------------

say_what_next() {
    say "dkv $wanted is installed: $root/bin/dkv, its manual, and completions for bash, zsh and fish."
    shell=$(basename "${SHELL:-sh}")
    case :$PATH: in
        *:"$root/bin":*)
            first=$(command -v dkv || true)
            [ "$first" = "$root/bin/dkv" ] || [ -z "$first" ] ||
                warn "typing dkv runs $first, which comes earlier in PATH"
            ;;
        *) say_path ;;
    esac
    say_completions
    say ""
    say "Start a node:                dkv serve"
    say "Then, in another shell:      dkv kv set greeting hello"
    say "To remove dkv again:         sh $(quoted "$root/share/dkv/install.sh") --uninstall"
}

say_path() {
    line="export PATH=$(quoted "$root/bin"):\$PATH"
    case $shell in
        bash) if [ "$(uname -s)" = Darwin ]; then file='~/.bash_profile'; else file='~/.bashrc'; fi ;;
        zsh) file='~/.zshrc' ;;
        fish)
            file='~/.config/fish/config.fish'
            line="fish_add_path $(quoted "$root/bin")"
            ;;
        *) file='~/.profile' ;;
    esac
    say ""
    say "Your PATH does not name $root/bin yet. Add this line to $file, or type it now:"
    say "  $line"
}

say_completions() {
    case $shell in
        bash)
            file='~/.bashrc'
            line=". $(quoted "$root/share/bash-completion/completions/dkv")"
            why="A new bash completes dkv if the package bash-completion is installed; without it,"
            ;;
        zsh)
            file="~/.zshrc, before compinit"
            line="fpath=($(quoted "$root/share/zsh/site-functions") \$fpath)"
            why="A new zsh completes dkv if that folder is in its fpath; if it does not,"
            ;;
        fish)
            case $root in /usr | /usr/local | "${HOME:-}/.local") return ;; esac
            file='~/.config/fish/config.fish'
            line="source $(quoted "$root/share/fish/vendor_completions.d/dkv.fish")"
            why="For fish to complete dkv"
            ;;
        *) return ;;
    esac
    say ""
    say "$why add this line to $file:"
    say "  $line"
}

main "$@"
exit
}
