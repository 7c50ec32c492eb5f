"""Media that nobody has by accident: small files that decode to hours, and files that point at others. Made here, so that none is kept."""
import gzip
import struct


def _crc(data, width, polynomial):
    crc, top, mask = 0, 1 << (width - 1), (1 << width) - 1
    for byte in data:
        crc ^= byte << (width - 8)
        for _ in range(8):
            crc = (crc << 1 ^ polynomial if crc & top else crc << 1) & mask
    return crc


def _utf8(number):
    """A frame's number as FLAC writes it (RFC 9639, 9.1.5)."""
    return chr(number).encode("utf-8", "surrogatepass")


def flac_of_hours(hours):
    """16 kHz silence in frames of 65,535 samples and some 14 bytes each."""
    size, rate = 65535, 16000
    info = struct.pack(">HH", size, size) + bytes(6) + ((rate << 44 | 0 << 41 | 15 << 36).to_bytes(8, "big")) + bytes(16)
    frames = []
    for number in range(int(hours * 3600 * rate / size)):
        head = b"\xff\xf8" + bytes([0x70 | 0x05, 0x08]) + _utf8(number) + struct.pack(">H", size - 1)
        head += bytes([_crc(head, 8, 0x07)])
        body = head + b"\x00\x00\x00"  # one constant subframe of 16 bits
        frames.append(body + struct.pack(">H", _crc(body, 16, 0x8005)))
    return b"fLaC\x80" + len(info).to_bytes(3, "big") + info + b"".join(frames)


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def mp4_of_seconds(seconds, reference=None):
    """16-bit samples at 16 kHz: one second of them, that the index names again and again. reference: (kind, body) of where they are instead."""
    full = bytes(4)
    sound = bytes(32000)
    where = box(b"dref", full, struct.pack(">I", 1), box(reference[0], full, reference[1]) if reference else box(b"url ", b"\0\0\0\1"))
    head = box(b"ftyp", b"qt  ", bytes(4), b"qt  ")
    entry = box(b"sowt", bytes(6), struct.pack(">H", 1), bytes(8), struct.pack(">HHHH", 1, 16, 0, 0), struct.pack(">I", 16000 << 16))

    def movie(offset):
        table = box(b"stbl", box(b"stsd", full, struct.pack(">I", 1), entry), box(b"stts", full, struct.pack(">III", 1, 16000 * seconds, 1)),
                    box(b"stsc", full, struct.pack(">IIII", 1, 1, 16000, 1)), box(b"stsz", full, struct.pack(">II", 2, 16000 * seconds)),
                    box(b"stco", full, struct.pack(">I", seconds), struct.pack(">I", offset) * seconds))
        media = box(b"mdia", box(b"mdhd", full, bytes(8), struct.pack(">II", 16000, 16000 * seconds), bytes(4)),
                    box(b"hdlr", full, b"mhlr", b"soun", bytes(13)), box(b"minf", box(b"smhd", full, bytes(4)), box(b"dinf", where), table))
        return box(b"moov", box(b"mvhd", full, bytes(8), struct.pack(">II", 1000, 1000 * seconds), bytes(80)),
                   box(b"trak", box(b"tkhd", b"\0\0\0\1", bytes(8), struct.pack(">I", 1), bytes(68)), media))

    size = len(head) + len(movie(0)) + 8
    return head + movie(size) + box(b"mdat", sound)


def gzip_in_gzip(size):
    return gzip.compress(gzip.compress(bytes(size)))


def links_to(path, address):
    """(name, bytes) of files of which each names others: `path` and the URL `address`."""
    url = path.encode() + b"\0"
    yield "list.m3u8", f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{path}\n#EXTINF:9,\n{address}\n#EXT-X-ENDLIST\n".encode()
    yield "keys.m3u8", f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{address}"\n#EXTINF:9,\n{address}\n#EXT-X-ENDLIST\n'.encode()
    yield "list.ffconcat", f"ffconcat version 1.0\nfile {path}\nfile '{address}'\n".encode()
    yield "call.sdp", f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {address.split(':')[2].split('/')[0]} RTP/AVP 0\n".encode()
    yield "movie.mov", mp4_of_seconds(1, (b"url ", address.encode() + b"\0"))
    yield "file.mov", mp4_of_seconds(1, (b"url ", b"file://" + url))
    alias = struct.pack(">IHH", 0, 200, 2) + bytes(142) + struct.pack(">HH", 2, len(url)) + url + struct.pack(">HH", 18, len(url)) + url + b"\xff\xff\0\0"
    yield "alias.mov", mp4_of_seconds(1, (b"alis", alias))
    yield "stream.mpd", (f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet mimeType="audio/mp4">'
                         f"<Representation id='1' bandwidth='1'><BaseURL>{address}</BaseURL></Representation></AdaptationSet></Period></MPD>").encode()
    yield "list.pls", f"[playlist]\nNumberOfEntries=1\nFile1={address}\n".encode()
    yield "list.asx", f'<asx version="3.0"><entry><ref href="{address}"/></entry></asx>'.encode()
    yield "cue.cue", f'FILE "{path}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n'.encode()
    yield "subs.vob.idx", f"# VobSub index file, v7\nid: en, index: 0\ntimestamp: 00:00:01:000, filepos: 000000000\n{path}\n".encode()
    yield "text.rtsptext", f"rtsptext\n{address}\n".encode()
    yield "grid.imf", f"<AssetMap xmlns='http://www.smpte-ra.org/schemas/429-9/2007/AM'><Path>{path}</Path></AssetMap>".encode()
