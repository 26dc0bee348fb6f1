import Foundation
import Glibc

/// The same dice at every run of a seed.
struct Dice: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}

/// Puts files into a bucket's folder in all the ways that people and programs have, and keeps the model: what each key
/// holds once nobody writes to it any longer.
struct TortureWriter {
    /// What a key holds; nil where it was deleted.
    private(set) var contents: [String: String?] = [:]
    /// How often a key was written or deleted.
    private(set) var versions: [String: Int] = [:]
    private var open: [(key: String, descriptor: Int32, rest: String)] = []
    private var number = 0
    private let bucket: String
    private let aside: String

    /// Writes into the folder `bucket`; `aside` is on the same file system.
    init(bucket: String, aside: String) {
        self.bucket = bucket
        self.aside = aside
        mkdir(aside, 0o755)
        mkdir(bucket, 0o755)
    }

    private mutating func content(_ key: String, _ dice: inout Dice) -> String {
        number += 1
        // Now and then a large one: more than one read, more than the watcher reads on the spot.
        let filler = dice.chance(3) ? 200_000 : dice.below(300)
        return "\(key) \(number) " + String(repeating: "x", count: filler) + "\n"
    }

    private mutating func newKey(_ dice: inout Dice) -> String {
        number += 1
        let folder = dice.chance(80) ? "good" : "bad"
        let depth = dice.chance(30) ? "/d\(dice.below(5))/e\(dice.below(3))" : ""
        return "\(folder)\(depth)/f\(number).csv"
    }

    private mutating func note(_ key: String, _ content: String?) {
        contents[key] = .some(content)
        versions[key, default: 0] += 1
    }

    private func path(_ key: String) -> String { bucket + "/" + key }

    private func makeFolder(of path: String) {
        try? FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var done = 0
            while done < bytes.count {
                let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
                if count <= 0 { return }
                done += count
            }
        }
    }

    private func create(_ path: String) -> Int32 {
        makeFolder(of: path)
        return Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    }

    /// Does one thing. `isBusy` keys are those that a slow writer has open.
    mutating func step(_ dice: inout Dice) {
        let busy = Set(open.map(\.key))
        let known = contents.filter { $0.value != nil && !busy.contains($0.key) }.keys.sorted()
        switch dice.below(100) {
        case 0..<35: place(newKey(&dice), &dice, moved: false)
        case 35..<55: place(newKey(&dice), &dice, moved: true)
        case 55..<63:
            // A writer that takes its time: others do things in between, and hosts die.
            let key = newKey(&dice)
            let text = content(key, &dice)
            let half = text.index(text.startIndex, offsetBy: text.count / 2)
            let descriptor = create(path(key))
            Self.write(String(text[..<half]), to: descriptor)
            open.append((key, descriptor, String(text[half...])))
            contents[key] = .some(text)
        case 63..<70: if !open.isEmpty { finish(dice.below(open.count)) }
        case 70..<82:
            if let key = known.randomElement(using: &dice) { place(key, &dice, moved: dice.chance(50)) }
        case 82..<90:
            if let key = known.randomElement(using: &dice) {
                unlink(path(key))
                note(key, nil)
            }
        case 90..<95:
            // A whole folder is moved in.
            number += 1
            let folder = "good/folder\(number)"
            makeFolder(of: path(folder))
            mkdir(aside + "/folder", 0o755)
            for index in 0..<3 {
                let key = "\(folder)/part-\(index).csv"
                let text = content(key, &dice)
                let descriptor = create(aside + "/folder/part-\(index).csv")
                Self.write(text, to: descriptor)
                close(descriptor)
                note(key, text)
            }
            rename(aside + "/folder", path(folder))
        default:
            // A file moves from key to key.
            if let from = known.randomElement(using: &dice), case .some(.some(let text)) = contents[from] {
                let to = newKey(&dice)
                makeFolder(of: path(to))
                rename(path(from), path(to))
                note(from, nil)
                note(to, text)
            }
        }
    }

    private mutating func place(_ key: String, _ dice: inout Dice, moved: Bool) {
        let text = content(key, &dice)
        let descriptor = create(moved ? aside + "/moving" : path(key))
        Self.write(text, to: descriptor)
        close(descriptor)
        if moved {
            makeFolder(of: path(key))
            rename(aside + "/moving", path(key))
        }
        note(key, text)
    }

    private mutating func finish(_ index: Int) {
        let writer = open.remove(at: index)
        Self.write(writer.rest, to: writer.descriptor)
        close(writer.descriptor)
        versions[writer.key, default: 0] += 1
    }

    /// Lets all slow writers finish.
    mutating func settle() { while !open.isEmpty { finish(0) } }
}
