"""A step that touches what most steps touch. The set-up runs it once, to see that Spark works and which classes it loads."""

import sys

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

root = sys.argv[1]
spark = SparkSession.builder.appName("rehearsal").getOrCreate()
spark.sparkContext.parallelize(["id,day,name,amount"] + [f"{i},2013-01-0{i % 9 + 1},n{i % 7},{i}.5" for i in range(500)], 1) \
    .saveAsTextFile(root + "csv", "org.apache.hadoop.io.compress.GzipCodec")
rows = spark.read.csv(root + "csv", header=True, schema="id INT, day DATE, name STRING, amount DOUBLE", nullValue="NA")
names = spark.createDataFrame([(f"n{i}", i) for i in range(7)], "name STRING, rank INT")
best = F.row_number().over(Window.partitionBy("name").orderBy(F.desc("amount")))
joined = rows.join(names, "name").withColumns({"best": best, "month": F.month("day"), "at": F.current_timestamp()})
joined.repartition("month").write.partitionBy("month").mode("overwrite") \
    .option("partitionOverwriteMode", "dynamic").parquet(root + "parquet")
again = spark.read.parquet(root + "parquet")
again.createOrReplaceTempView("again")
total = spark.sql("SELECT name, count(*) AS n, sum(amount) AS total FROM again WHERE id > 0 GROUP BY name ORDER BY name")
total.write.mode("overwrite").json(root + "json")
total.coalesce(1).write.mode("append").csv(root + "totals", header=True)
assert again.count() == 500 and len(total.collect()) == 7
spark.stop()
