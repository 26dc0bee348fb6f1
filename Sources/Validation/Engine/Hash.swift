/// Hashing of keys. The seeds are drawn once a process, so that no file can be made to collide on purpose.
enum Hash {
    static let seed = (UInt64.random(in: .min ... .max) | 1, UInt64.random(in: .min ... .max) | 1)

    @inline(__always)
    static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    /// A bijection: different values stay different.
    @inline(__always)
    static func spread(_ value: UInt64) -> UInt64 {
        var value = value
        value ^= value &>> 32
        value = value &* 0xd6e8_feb8_6659_fd93
        value ^= value &>> 32
        value = value &* 0xd6e8_feb8_6659_fd93
        return value ^ value &>> 32
    }

    @inline(__always)
    static func bytes(_ start: UnsafePointer<UInt8>, _ count: Int, _ seed: UInt64) -> UInt64 {
        var hash = seed ^ UInt64(truncatingIfNeeded: count)
        var index = 0
        let raw = UnsafeRawPointer(start)
        while index + 8 <= count {
            hash = mix(hash ^ raw.loadUnaligned(fromByteOffset: index, as: UInt64.self), 0x9e37_79b9_7f4a_7c15)
            index += 8
        }
        var tail: UInt64 = 0
        var shift: UInt64 = 0
        while index < count {
            tail |= UInt64(start[index]) &<< shift
            shift += 8
            index += 1
        }
        return mix(hash ^ tail, seed ^ 0xa076_1d64_78bd_642f)
    }
}

/// A key of any size as 128 bits.
///
/// Two different keys share these bits once in 2^128 pairs: among a thousand million keys the odds are below 10^-20.
struct Fingerprint: Hashable {
    var first: UInt64
    var second: UInt64

    init() { (first, second) = Hash.seed }

    /// The same for a loop: the seeds are looked up once, before it.
    @inline(__always)
    init(_ bytes: UnsafeBufferPointer<UInt8>, _ seed: (UInt64, UInt64)) {
        (first, second) = seed
        add(bytes, seed)
    }

    @inline(__always)
    mutating func add(_ value: UInt64) {
        first = Hash.mix(first ^ value, 0xe703_7ed1_a0b4_28db)
        second = Hash.mix(second &+ value, 0x8ebc_6af0_9c88_c6e3) ^ value
    }

    @inline(__always)
    mutating func add(_ bytes: UnsafeBufferPointer<UInt8>) { add(bytes, Hash.seed) }

    @inline(__always)
    private mutating func add(_ bytes: UnsafeBufferPointer<UInt8>, _ seed: (UInt64, UInt64)) {
        guard let start = bytes.baseAddress else { return add(0x5bd1) }
        add(Hash.bytes(start, bytes.count, seed.0))
        add(Hash.bytes(start, bytes.count, seed.1) ^ UInt64(truncatingIfNeeded: bytes.count))
    }
}
