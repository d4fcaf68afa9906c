"""Writes formats/: small images in every format that is read, all orientations, and what PIL makes of them.

    python make_formats.py    (Pillow 11 or later, numpy 2)
"""
import hashlib
import io
import json
import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

folder = Path(__file__).parent / "formats"
folder.mkdir(exist_ok=True)
for old in folder.iterdir():
    old.unlink()
rng = np.random.default_rng(0)
height, width = 22, 35
yy, xx = np.mgrid[:height, :width]
rgb = np.stack([xx * 255 // (width - 1), yy * 255 // (height - 1), (xx * yy) % 256], -1).astype(np.uint8)
opacity = (xx * 7 % 256).astype(np.uint8)
color = Image.fromarray(rgb)
rgba = color.copy()
rgba.putalpha(Image.fromarray(opacity))
gray = color.convert("L")
palette = color.quantize(23)


def save(name, image, **options):
    image.save(folder / name, **options)


# All orientations, in the two byte orders and the containers that carry EXIF.
for value in range(1, 9):
    exif = Image.Exif()
    exif[0x112] = value
    save(f"turn{value}.jpg", color, quality=92, exif=exif)
    save(f"turn{value}.png", color, exif=exif)
    save(f"turn{value}.webp", color, quality=80, exif=exif)
    save(f"turn{value}.tiff", color, tiffinfo={0x112: value})
big = b"Exif\0\0MM\0*\0\0\0\x08\0\x02\x01\x0f\0\x02\0\0\0\x02A\0\0\0\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
save("turn6-big-endian.jpg", color, quality=92, exif=big)
xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation=%s</x:xmpmeta>'
attribute, element = xmp % b'"6"/>', b"<x:xmpmeta><tiff:Orientation>8</tiff:Orientation></x:xmpmeta>"
save("xmp6.jpg", color, quality=92, xmp=attribute)
save("xmp8.webp", color, quality=80, xmp=element)
save("xmp6.tiff", color, tiffinfo={700: attribute})
exif = Image.Exif()
exif[0x112] = 3
save("exif3-xmp6.jpg", color, quality=92, exif=exif, xmp=attribute)
exif[0x112] = 9
save("exif9-xmp6.jpg", color, quality=92, exif=exif, xmp=attribute)
exif = Image.Exif()
exif[0x10f] = "maker"
save("maker-xmp8.webp", color, quality=80, exif=exif, xmp=element)
for name, text, packed in [("xmp6.png", attribute, False), ("xmp8-packed.png", element, True)]:
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", text.decode(), zip=packed)
    save(name, color, pnginfo=texts)
profile = "\nexif\n%8d\n%s\n" % (len(big), big.hex())
for packed in [False, True]:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Raw profile type exif", profile, zip=packed)
    save("profile6-packed.png" if packed else "profile6.png", color, pnginfo=texts)
save("turn6-gray.jpg", gray, quality=92, exif=big)
save("turn6-opacity.png", rgba, exif=big[6:])

save("lossy.webp", color, quality=70)
save("lossless.webp", color, lossless=True)
save("opacity.webp", rgba, lossless=True, exact=True)
save("lossy-opacity.webp", rgba, quality=70)
save("animation.webp", color, save_all=True, append_images=[color.rotate(90)], lossless=True)
save("named-webp.jpg", color, format="WEBP", lossless=True)

save("palette.gif", palette)
save("interlaced.gif", palette, interlace=1)
save("gray.gif", gray)
save("transparent.gif", palette, transparency=5)
save("animation.gif", palette, save_all=True, append_images=[palette.rotate(90)])

save("rgb.bmp", color)
save("gray.bmp", gray)
save("bilevel.bmp", color.convert("1"))
save("palette.bmp", palette)
save("four.bmp", rgba)


def bmp(name, bits, compression, pixels, masks=(), colors=b"", rows=height, size=40):
    header = struct.pack("<IiiHHIIiiII", size, width, rows, 1, bits, compression, len(pixels), 0, 0, len(colors) // 4, 0)
    head = header + struct.pack("<%dI" % len(masks), *masks) + colors
    start = 14 + len(head)
    file = b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + head + pixels
    (folder / name).write_bytes(file)


def padded(rows):
    return b"".join(row + b"\0" * (-len(row) % 4) for row in rows)


five = (rgb.astype(np.uint16) >> 3)
word555 = five[..., 0] << 10 | five[..., 1] << 5 | five[..., 2]
word565 = five[..., 0] << 11 | rgb[..., 1].astype(np.uint16) >> 2 << 5 | five[..., 2]
bmp("rgb555.bmp", 16, 0, padded(r.astype("<u2").tobytes() for r in word555[::-1]))
bmp("rgb565.bmp", 16, 3, padded(r.astype("<u2").tobytes() for r in word565[::-1]), (0xf800, 0x7e0, 0x1f))
bgra = np.asarray(rgba)[::-1, :, [2, 1, 0, 3]]
bmp("opacity.bmp", 32, 3, np.ascontiguousarray(bgra).tobytes(), (0xff0000, 0xff00, 0xff, 0xff000000), size=56)
bmp("topdown.bmp", 24, 0, padded(np.ascontiguousarray(r[:, ::-1]).tobytes() for r in rgb), rows=-height)
places = np.asarray(palette) % 16
colors = b"".join(bytes(c[::-1]) + b"\0" for c in np.asarray(palette.getpalette()[:48], np.uint8).reshape(-1, 3))
packed = [np.append(r, 0)[0::2][: (width + 1) // 2] << 4 | np.append(r, 0)[1::2] for r in places[::-1]]
bmp("palette4.bmp", 4, 0, padded(r.astype(np.uint8).tobytes() for r in packed), colors=colors)
run8 = b""
for row in places[::-1]:
    run8 += bytes([0, 5]) + row[:5].astype(np.uint8).tobytes() + b"\0"
    for value in row[5:]:
        run8 += bytes([1, int(value)])
    run8 += b"\0\0"
bmp("run8.bmp", 8, 1, run8 + b"\0\1", colors=colors)
run4 = b""
for row in places[::-1]:
    run4 += bytes([0, 5, row[0] << 4 | row[1], row[2] << 4 | row[3], row[4] << 4, 0])
    for value in row[5:]:
        run4 += bytes([1, int(value) << 4])
    run4 += b"\0\0"
bmp("run4.bmp", 4, 2, run4 + b"\0\1", colors=colors)

save("rgb.tiff", color)
save("lzw.tiff", color, compression="tiff_lzw")
save("deflate.tiff", color, compression="tiff_deflate")
save("jpeg.tiff", color, compression="jpeg", quality=90)
save("gray.tiff", gray, compression="packbits")
save("bilevel.tiff", color.convert("1"), compression="group4")
save("palette.tiff", palette)
save("opacity.tiff", rgba)
save("pages.tiff", color, save_all=True, append_images=[gray])


def digest(image):
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()


expected = {}
for path in sorted(folder.iterdir()):
    with Image.open(path) as image:
        # PIL turns TIFF files upright by itself.
        stored = image.convert("RGB")
        upright = ImageOps.exif_transpose(image).convert("RGB")
    expected[path.name] = {
        "upright": digest(upright), "size": [upright.height, upright.width],
        **({} if path.suffix == ".tiff" else {"stored": digest(stored)})}
    if "opacity" in path.name and path.suffix != ".jpg":
        with Image.open(path) as image:
            expected[path.name]["opacity"] = digest(ImageOps.exif_transpose(image).convert("RGBA"))
(folder / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")
