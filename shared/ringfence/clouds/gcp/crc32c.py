"""CRC32C, by which Cloud KMS and Secret Manager let both ends see that nothing was damaged on the way (RFC 3720, appendix B.4).

In plain Python, a byte at a time: what goes through here has a few hundred bytes.
"""

POLYNOMIAL = 0x82F63B78  # Castagnoli's, the bits in reverse
ALL = 0xFFFFFFFF


def _row(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
    return value


TABLE = tuple(_row(value) for value in range(256))


def crc32c(data: bytes) -> int:
    """Give the checksum of bytes."""
    crc = ALL
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ ALL
