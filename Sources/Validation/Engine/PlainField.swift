/// Reads the plainest forms of the commonest types, eight characters at a time. What it declines goes to ``FieldReader``.
///
/// All functions may read up to 16 bytes past the field.
enum PlainField {
    /// What a function returns that declines.
    static let declined = Int64.min

    @inline(__always)
    static func load(_ start: UnsafePointer<UInt8>) -> UInt64 {
        UInt64(littleEndian: UnsafeRawPointer(start).loadUnaligned(as: UInt64.self))
    }

    @inline(__always)
    static func areDigits(_ digits: UInt64) -> Bool {
        ((digits &+ 0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080 == 0
    }

    /// `yyyy-mm-dd`, as days from 1970-01-01.
    @inline(__always)
    static func date(_ start: UnsafePointer<UInt8>) -> Int64 {
        let word = load(start)
        let day = UInt64(start[8] ^ 0x30) | UInt64(start[9] ^ 0x30) &<< 8
        // y y y y - m m -
        guard word & 0xff00_00ff_0000_0000 == 0x2d00_002d_0000_0000 else { return declined }
        let digits = (word ^ 0x3030_3030_3030_3030) & 0x00ff_ff00_ffff_ffff
        guard areDigits(digits), areDigits(day) else { return declined }
        let years = digits & 0xffff_ffff
        let pairs = years &* 10 &+ years &>> 8
        let year = Int(truncatingIfNeeded: (pairs & 0xff) &* 100 &+ (pairs &>> 16) & 0xff)
        let month = Int(truncatingIfNeeded: ((digits &>> 40) & 0xff) &* 10 &+ (digits &>> 48) & 0xff)
        let dayOfMonth = Int(truncatingIfNeeded: (day & 0xff) &* 10 &+ day &>> 8)
        guard month &- 1 < 12, month > 0, dayOfMonth > 0 else { return declined }
        if dayOfMonth > 28, dayOfMonth > Civil.daysIn(month: month, year: year) { return declined }
        // Years 0000 to 9999 only: no floor needed once shifted by an era.
        let shifted = year &+ (month <= 2 ? 399 : 400)
        let dayOfYear = (153 &* (month > 2 ? month &- 3 : month &+ 9) &+ 2) / 5 &+ dayOfMonth &- 1
        return Int64(shifted &* 365 &+ shifted / 4 &- shifted / 100 &+ shifted / 400 &+ dayOfYear &- 719_468 &- 146_097)
    }

    /// `yyyy-mm-ddThh:mm:ss`, possibly with `Z`: microseconds from 1970-01-01. `separator` is the `T`.
    @inline(__always)
    static func datetime(_ start: UnsafePointer<UInt8>, _ length: Int, separator: UInt8) -> Int64 {
        guard length == 19 || (length == 20 && start[19] == 0x5a), start[10] == separator else { return declined }
        let days = date(start)
        guard days != declined else { return declined }
        // h h : m m : s s
        let word = load(start + 11)
        guard word & 0x0000_ff00_00ff_0000 == 0x0000_3a00_003a_0000 else { return declined }
        let digits = (word ^ 0x3030_3030_3030_3030) & 0xffff_00ff_ff00_ffff
        guard areDigits(digits) else { return declined }
        let hour = Int64(bitPattern: (digits & 0xff) &* 10 &+ (digits &>> 8) & 0xff)
        let minute = Int64(bitPattern: ((digits &>> 24) & 0xff) &* 10 &+ (digits &>> 32) & 0xff)
        let second = Int64(bitPattern: ((digits &>> 48) & 0xff) &* 10 &+ digits &>> 56)
        guard hour < 24, minute < 60, second < 60 else { return declined }
        return (days &* 86_400 &+ hour &* 3600 &+ minute &* 60 &+ second) &* 1_000_000
    }

    /// Up to seven bytes with their count in the eighth: equal words are equal texts.
    @inline(__always)
    static func packed(_ start: UnsafePointer<UInt8>, _ length: Int) -> UInt64 {
        let keep: UInt64 = (1 &<< UInt64(truncatingIfNeeded: length &* 8)) &- 1
        return load(start) & keep | UInt64(truncatingIfNeeded: length) &<< 56
    }

    static func packed(_ text: some Collection<UInt8>) -> UInt64 {
        var word = UInt64(text.count) << 56
        for (offset, byte) in text.enumerated() { word |= UInt64(byte) << UInt64(offset * 8) }
        return word
    }
}
