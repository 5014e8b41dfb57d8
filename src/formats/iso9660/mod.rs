//! Writes ISO 9660 images (ECMA-119), forward only: the layout is computed first, from names and
//! lengths.
//!
//! Every image has a Joliet tree in addition to the primary one; Rock Ridge names and modes, El
//! Torito boot entries and the MBR and GPT of a hybrid image are options. The same tree and options
//! produce the same bytes: dates are fixed, nothing is random.
//!
//! This is not a general ISO writer: no symbolic links, no path deeper than eight levels, no
//! directory of more than 4 GiB.

use std::io::Write;

use anyhow::{Context, Result, ensure};

use super::zeros;

mod directory;
mod el_torito;
mod hybrid;
mod joliet;
mod layout;
mod primary;
pub mod read;
mod rock_ridge;
mod tree;
mod volume;

pub use tree::{Content, Tree};

use layout::Layout;

/// Bytes of a sector and logical block (ECMA-119 §6.1.2, §6.2.2).
pub const SECTOR: u64 = SECTOR_SIZE as u64;
const SECTOR_SIZE: u16 = 2048;
/// The system area (§6.2.1), which the standard leaves to the system: MBR and GPT of a hybrid
/// image.
const SYSTEM_AREA: u64 = 16 * SECTOR;
/// The partitions of a hybrid image start and end at multiples of this many bytes: partition tools
/// warn about less than the alignment of the first partition's start, which is the end of the
/// system area.
pub const ESP_ALIGNMENT: u64 = SYSTEM_AREA;

/// Pads `bytes` to a whole number of sectors.
fn fill_sector(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(usize::from(SECTOR_SIZE)), 0);
}

/// The image to write.
#[derive(Debug)]
pub struct Image {
    /// Up to 32 characters; Joliet shows the first 16.
    pub volume_id: String,
    pub tree: Tree,
    /// Write POSIX names and modes in addition to the upper-case names of the standard.
    pub rock_ridge: bool,
    pub boot: Option<Boot>,
}

/// How a machine boots from the image.
#[derive(Debug)]
pub struct Boot {
    pub bios: Option<Bios>,
    /// The EFI system partition, a FAT file system whose length is a multiple of [`ESP_ALIGNMENT`].
    pub esp: Vec<u8>,
    /// The seed of the GUIDs of the partition table.
    pub identity: [u8; 32],
}

/// Boot by a BIOS, from a CD or from a disk.
#[derive(Debug)]
pub struct Bios {
    /// Path in the tree of a boot image that has a boot information table (`isolinux.bin`). It must
    /// be [`Content::Bytes`].
    pub loader: String,
    /// MBR code that starts that loader from a disk: `isohdpfx.bin`, at most 432 bytes.
    pub mbr: Vec<u8>,
}

/// How many bytes [`write()`] writes of `image`.
pub fn length(image: &Image) -> Result<u64> {
    Ok(Layout::new(image)?.end)
}

/// Writes `image` to `out`, and tells `written` how many bytes of it each step took.
pub fn write<W: Write>(image: &mut Image, out: &mut W, written: &mut dyn FnMut(u64)) -> Result<()> {
    ensure!(
        !image.volume_id.is_empty()
            && image.volume_id.len() <= 32
            && image.volume_id.bytes().all(|b| (0x20..0x7f).contains(&b)),
        "`{}` is not a valid volume name: expected 1 to 32 ASCII characters",
        image.volume_id.escape_debug()
    );
    let layout = Layout::new(image)?;
    el_torito::patch_loader(image, &layout)?;

    let mut position = 0;
    let head = head(image, &layout)?;
    out.write_all(&head).context("writing the ISO image")?;
    position += head.len() as u64;
    written(position);
    for file in &layout.files {
        pad(out, &mut position, file.start)?;
        match image.tree.content(file.node) {
            Some(Content::File { path, file, length }) => {
                super::copy(file, path, *length, out, written)?;
            }
            Some(Content::Bytes(bytes)) => {
                out.write_all(bytes).context("writing the ISO image")?;
                written(file.length);
            }
            None => {}
        }
        position += file.length;
    }
    if let Some(boot) = &image.boot {
        pad(out, &mut position, layout.esp)?;
        out.write_all(&boot.esp).context("writing the ISO image")?;
        position += boot.esp.len() as u64;
        let table = hybrid::partition_table(image, &layout).backup();
        pad(out, &mut position, layout.end - table.len() as u64)?;
        out.write_all(&table).context("writing the ISO image")?;
        position += table.len() as u64;
    }
    pad(out, &mut position, layout.end)?;
    Ok(())
}

/// Everything before the files: system area, volume descriptors, boot catalog, path tables,
/// directories.
fn head(image: &Image, layout: &Layout) -> Result<Vec<u8>> {
    let mut head = hybrid::system_area(image, layout)?;
    head.extend(volume::primary(image, layout)?);
    if image.boot.is_some() {
        // El Torito §2.0: the boot record lies at sector 17.
        head.extend(el_torito::boot_record(layout));
    }
    head.extend(volume::joliet(image, layout)?);
    head.extend(volume::terminator());
    if let Some(boot) = &image.boot {
        head.extend(el_torito::catalog(image, boot, layout)?);
    }
    for hierarchy in [&layout.primary, &layout.joliet] {
        head.extend(hierarchy.encode(&image.tree, &layout.extents())?);
    }
    Ok(head)
}

/// Writes zeros up to `end`.
fn pad<W: Write>(out: &mut W, position: &mut u64, end: u64) -> Result<()> {
    zeros(out, end - *position).context("writing the ISO image")?;
    *position = end;
    Ok(())
}

/// A number in both byte orders (§7.3.3).
fn both_u32(number: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// A number in both byte orders (§7.2.3).
fn both_u16(number: u16) -> [u8; 4] {
    let [a, b] = number.to_le_bytes();
    [a, b, b, a]
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::*;

    /// An image with one file and nothing but Joliet beside the standard's own names, as a config
    /// medium is.
    fn image(name: &str, content: Content) -> Image {
        let mut tree = Tree::new();
        tree.add(name, 0o444, content).expect("a good path");
        Image {
            volume_id: "config".to_owned(),
            tree,
            rock_ridge: false,
            boot: None,
        }
    }

    fn written(image: &mut Image) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(image, &mut bytes, &mut |_| {}).expect("written");
        bytes
    }

    /// A field in both byte orders (ECMA-119 §7.3.3).
    fn both(bytes: &[u8]) -> u32 {
        let little = u32::from_le_bytes(bytes[..4].try_into().expect("four bytes"));
        let big = u32::from_be_bytes(bytes[4..8].try_into().expect("four bytes"));
        assert_eq!(little, big);
        little
    }

    #[test]
    fn a_small_image_field_by_field() {
        let contents = Content::Bytes(b"{}".to_vec());
        let bytes = written(&mut image("config.json", contents));
        assert_eq!(bytes.len() % 4096, 0);
        assert!(bytes[..32768].iter().all(|&byte| byte == 0), "§6.2.1");

        let primary = &bytes[16 * 2048..17 * 2048];
        assert_eq!(&primary[..7], b"\x01CD001\x01", "§8.4.1 to §8.4.3");
        assert_eq!(
            &primary[40..72],
            b"config                          ",
            "§8.4.7"
        );
        assert_eq!(both(&primary[80..]) as usize, bytes.len() / 2048, "§8.4.8");
        assert_eq!(primary[128..132], [0, 8, 8, 0], "§8.4.12: 2048");
        assert_eq!(
            &primary[813..830],
            b"0000000000000000\0",
            "§8.4.26: no date"
        );
        assert_eq!(primary[881], 1, "§8.4.30");

        let joliet = &bytes[17 * 2048..18 * 2048];
        assert_eq!(joliet[0], 2, "§8.5.1");
        assert_eq!(&joliet[88..91], b"%/E", "§8.5.6: UCS-2 level 3");
        assert_eq!(&joliet[40..52], b"\0c\0o\0n\0f\0i\0g");
        assert_eq!(&bytes[18 * 2048..18 * 2048 + 7], b"\xffCD001\x01", "§8.3");

        // The root's record in the descriptor (§8.4.18), then the records in the root: itself, its
        // parent, the file (§9.1).
        let root = both(&primary[158..]) as usize * 2048;
        let file = &bytes[root + 34 + 34..];
        assert_eq!(bytes[root], 34);
        assert_eq!(both(&bytes[root + 2..]) as usize * 2048, root);
        assert_eq!(file[25], 0, "§9.1.6: a plain file");
        assert_eq!(file[32], 13, "§9.1.10");
        assert_eq!(&file[33..46], b"CONFIG.JSON;1", "§9.1.11");
        assert_eq!(both(&file[10..]), 2, "§9.1.4");
        let start = both(&file[2..]) as usize * 2048;
        assert_eq!(&bytes[start..start + 2], b"{}");
    }

    #[test]
    fn a_file_of_more_than_4_gib_has_several_sections() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("big");
        let length = (4 << 30) + 5_000;
        std::fs::File::create(&path)
            .and_then(|file| file.set_len(length))
            .expect("a sparse file");
        let mut image = image("big", Content::open(&path).expect("there"));
        image.rock_ridge = true;
        let layout = Layout::new(&image).expect("laid out");
        let head = head(&image, &layout).expect("made");
        let root = both(&head[16 * 2048 + 158..]) as usize * 2048;
        let first =
            root + usize::from(head[root]) + usize::from(head[root + usize::from(head[root])]);
        let second = first + usize::from(head[first]);
        // §6.5.1, §9.1.6: every section but the last has bit 7.
        assert_eq!((head[first + 25], head[second + 25]), (0x80, 0));
        assert_eq!(both(&head[first + 10..]), 0xffff_f800);
        assert_eq!(u64::from(both(&head[second + 10..])), length - 0xffff_f800);
        let blocks = 0xffff_f800_u32 / 2048;
        assert_eq!(both(&head[second + 2..]), both(&head[first + 2..]) + blocks);
        assert_eq!(head[second + usize::from(head[second])], 0, "no third one");
    }

    #[test]
    fn directories_fill_several_sectors() {
        let mut tree = Tree::new();
        for index in 0..100 {
            let path = format!("folder/file-{index:03}.network");
            tree.add(&path, 0o444, Content::Bytes(vec![index]))
                .expect("a good path");
        }
        let mut image = Image {
            volume_id: "MANY".to_owned(),
            tree,
            rock_ridge: true,
            boot: None,
        };
        let layout = Layout::new(&image).expect("laid out");
        assert!(layout.end > 100 * SECTOR);
        assert_eq!(written(&mut image).len() as u64, layout.end);
    }

    #[test]
    fn what_the_format_cannot_hold_is_refused() {
        let file = || Content::Bytes(Vec::new());
        let cases = [
            ("a/../b", "is not a valid path"),
            ("/a", "is not a valid path"),
            (&"x".repeat(31), "too long"),
            ("1/2/3/4/5/6/7/8/9", "8 deep"),
        ];
        for (path, message) in cases {
            let mut tree = Tree::new();
            let error = tree
                .add(path, 0o444, file())
                .and_then(|()| {
                    let mut image = image("a", file());
                    image.tree = tree;
                    write(&mut image, &mut io::sink(), &mut |_| {})
                })
                .expect_err(path);
            assert!(error.to_string().contains(message), "{path}: {error}");
        }
        let mut same = image("a-b", file());
        same.tree.add("a_b", 0o444, file()).expect("another name");
        let error = write(&mut same, &mut io::sink(), &mut |_| {}).expect_err("the same name");
        assert!(error.to_string().contains("the same name"), "{error}");
        let error = Content::open(Path::new("/")).expect_err("a folder");
        assert!(error.to_string().contains("is not a file"), "{error}");
    }
}
