"""Turns validated flights (CSV, gzip or not) into Parquet, partitioned by year, month and airport of origin.

    spark-submit s3://scripts/flights_etl.py --input s3://raw/flights/2013-01-LGA.csv.gz --output s3://curated/flights/

Only the partitions that the input has rows for are replaced, so running the job again over the same file changes
nothing. The gate has looked at every value already; a row that still does not fit the schema stops the job.
"""

import argparse

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import IntegerType, StringType, StructField, StructType, TimestampType

PARTITIONS = ("year", "month", "origin")

# Times of day are hours and minutes as one number (517 is 05:17, local time), delays are minutes, distances miles.
FLIGHTS = StructType(
    [
        StructField("year", IntegerType()),
        StructField("month", IntegerType()),
        StructField("day", IntegerType()),
        StructField("dep_time", IntegerType()),
        StructField("sched_dep_time", IntegerType()),
        StructField("dep_delay", IntegerType()),
        StructField("arr_time", IntegerType()),
        StructField("sched_arr_time", IntegerType()),
        StructField("arr_delay", IntegerType()),
        StructField("carrier", StringType()),
        StructField("flight", IntegerType()),
        StructField("tailnum", StringType()),
        StructField("origin", StringType()),
        StructField("dest", StringType()),
        StructField("air_time", IntegerType()),
        StructField("distance", IntegerType()),
        StructField("hour", IntegerType()),
        StructField("minute", IntegerType()),
        StructField("time_hour", TimestampType()),
    ]
)


def read_flights(spark: SparkSession, path: str) -> DataFrame:
    return spark.read.csv(path, schema=FLIGHTS, header=True, nullValue="NA", mode="FAILFAST", enforceSchema=False)


def transform(flights: DataFrame) -> DataFrame:
    return flights.withColumns(
        {
            "flight_date": F.make_date("year", "month", "day"),
            "cancelled": F.col("dep_time").isNull(),
        }
    )


def write_flights(flights: DataFrame, path: str) -> int:
    """Replaces the partitions that the rows belong to, one file each, and returns the number of rows."""
    written = Observation("written")
    (
        flights.observe(written, F.count(F.lit(1)).alias("rows"))
        .repartition(*PARTITIONS)
        .sortWithinPartitions("time_hour", "carrier", "flight")
        .write.partitionBy(*PARTITIONS)
        .mode("overwrite")
        .option("partitionOverwriteMode", "dynamic")
        .parquet(path)
    )
    return written.get["rows"]


def main() -> None:
    parser = argparse.ArgumentParser(description="validated flights (CSV) to partitioned Parquet")
    parser.add_argument("--input", required=True, help="an object or a prefix, such as s3://raw/flights/2013-01-LGA.csv.gz")
    parser.add_argument("--output", required=True, help="a prefix, such as s3://curated/flights/")
    arguments = parser.parse_args()

    spark = (
        SparkSession.builder.appName("flights-etl")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    rows = write_flights(transform(read_flights(spark, arguments.input)), arguments.output)
    print(f"{rows} flights from {arguments.input} written to {arguments.output}")
    spark.stop()


if __name__ == "__main__":
    main()
