# Imports the images built into this node, from the folder $1, into containerd:
#
#   *.tar      archives to import: index.tar has the manifests and configs of images whose files are unpacked below rootfs/
#   *.list     the contents of each archive, one line per image: digest and name
#   snapshots  the names of unpacked images (OCI chain IDs), each a folder of rootfs/
#
# Nothing is copied or unpacked: the file system of an image is a link from containerd's folder to this node's own read-only image.
# All images are pinned, since a node without a network could not get them back. $2 is containerd's folder, which may survive reboots.
set -eu
archives=$1
root=$2

containerd() {
    ctr --namespace k8s.io "$@"
}

# `digest name labels` of each image, `name` of each snapshot. Each call costs most of a second on a slow machine, and on its first
# boot a node has nothing to list.
known=$root/imgbuild-images
store=$root/io.containerd.snapshotter.v1.overlayfs/snapshots
images=
snapshots=
if [ -e "$known" ] || [ -n "$(ls "$store" 2> /dev/null)" ]; then
    images=$(containerd images ls | awk 'NR > 1 { print $3, $1, $NF }')
    snapshots=$(containerd snapshots ls | awk 'NR > 1 { print $1 }')
fi

# Images of an earlier version of this node, whose files are gone.
if [ -e "$known" ]; then
    while read -r digest name; do
        if ! grep -qxF "$digest $name" "$archives"/*.list; then
            containerd images rm "$name" > /dev/null || true
        fi
    done < "$known"
fi
for files in "$store"/*/fs; do
    if [ -L "$files" ] && [ ! -e "$files" ]; then
        containerd snapshots rm "sha256:$(basename "$(readlink "$files")")" || true
    fi
done

# Creates a committed snapshot whose files are a link to a folder of this node.
link() {
    key=imgbuild-$1
    # Left behind by an interrupted boot.
    if echo "$snapshots" | grep -qxF "$key"; then
        containerd snapshots rm "$key"
    fi
    # Prints the mount options: for a new snapshot a bind mount of its empty folder.
    files=$(containerd snapshots prepare --target /mnt "$key" | sed -n 's/^mount -t bind \([^ ]*\/fs\) .*/\1/p')
    rmdir "$files"
    ln -s "$archives/rootfs/${1#sha256:}" "$files"
    containerd snapshots commit "$1" "$key"
}

jobs=
if [ -e "$archives/snapshots" ]; then
    while read -r chain; do
        echo "$snapshots" | grep -qxF "$chain" || {
            link "$chain" &
            jobs="$jobs $!"
        }
    done < "$archives/snapshots"
fi
for job in $jobs; do
    wait "$job"
done

for archive in "$archives"/*.tar; do
    missing=
    while read -r digest name; do
        echo "$images" | grep -qF "$digest $name " || missing=yes
    done < "${archive%.tar}.list"
    [ -n "$missing" ] || continue
    case $archive in
        */index.tar) containerd images import --no-unpack "$archive" > /dev/null ;;
        *) containerd images import "$archive" > /dev/null ;;
    esac
done

jobs=
while read -r digest name; do
    echo "$images" | grep -F "$digest $name " | grep -q io.cri-containerd.pinned=pinned || {
        containerd images label "$name" io.cri-containerd.pinned=pinned > /dev/null &
        jobs="$jobs $!"
    }
done << END
$(cat "$archives"/*.list)
END
for job in $jobs; do
    wait "$job"
done
cat "$archives"/*.list > "$known"
