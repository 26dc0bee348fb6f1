#!/usr/bin/env bash
# Makes the engine for steps: Apache Spark from PyPI, the classes of ours that give s3:// its meaning and tell a step's
# progress, and an archive of Spark's classes that cuts the start of a step by a third. `spark.sh --name` only prints the
# name of the engine's folder.
. "$(dirname "$0")/common.sh"

pyspark=3.5.9
resources=$here/../EMR/Resources
fingerprint=$(cat "$resources"/*.java "$resources/rehearsal.py" "$here/spark.sh" | sha256sum | cut -c1-12)
name=spark-$pyspark-$fingerprint
[ "${1:-}" != --name ] || { echo "$name"; exit 0; }

engine=$cache/$name
venv=$cache/pyspark-$pyspark
complete() {
    [ -e "$engine/engine.properties" ] && [ -e "$venv/.complete" ] && [ -x "$venv/bin/python3" ] &&
        [ -x "$(sed -n 's/^java=//p' "$engine/engine.properties")" ]
}
complete && exit 0
lock spark
complete && exit 0

java=$(find_java)
[ -n "$java" ] || fail "no JDK 17 was found. On Debian: apt-get install openjdk-17-jdk-headless"

if [ ! -e "$venv/.complete" ] || [ ! -x "$venv/bin/python3" ]; then
    say "Apache Spark $pyspark for the steps: 318 MB from PyPI, once for all clones, into $venv"
    make_venv "$venv" "pyspark==$pyspark"
fi
export SPARK_HOME
SPARK_HOME=$("$venv/bin/python3" -c 'import os, pyspark; print(os.path.dirname(pyspark.__file__))')

work=$engine.making
rm -rf "$work" "$engine"
mkdir -p "$work/classes"
say "compiling the classes that make s3:// mean the lake's folders and that tell a step's progress"
"$java/bin/javac" -nowarn -Xlint:-options --release 8 -cp "$SPARK_HOME/jars/*" \
    -d "$work/classes" "$resources"/*.java
"$java/bin/jar" cf "$work/sluice.jar" -C "$work/classes" .
rm -r "$work/classes"
# The archive of classes is bound to the exact class path, so the jar has to lie where it will stay.
mkdir -p "$engine"
mv "$work/sluice.jar" "$engine/"
rm -r "$work"

# What spark-submit would have told java, asked of Spark's own launcher once instead of at every step.
class_path=$engine/sluice.jar:$(printf '%s:' "$SPARK_HOME"/jars/*.jar)
class_path=${class_path%:}
SPARK_SCALA_VERSION=2.12 "$java/bin/java" -cp "$SPARK_HOME/jars/*" org.apache.spark.launcher.Main \
    org.apache.spark.deploy.SparkSubmit rehearsal.py | tr '\0' '\n' | grep -E '^(-XX|--add|-Djdk)' >"$engine/java.args"
cat >>"$engine/java.args" <<END
-XX:-UsePerfData
-Xlog:disable
-Xlog:all=error:stderr
-XX:SharedArchiveFile=$engine/start.jsa
END

say "rehearsing a step, to archive the classes that every step loads (about 20 s)"
rehearsal=$(mktemp -d)
trap 'rm -rf "$rehearsal"' EXIT
mkdir -p "$rehearsal/lake/rehearsal"
cp "$resources/rehearsal.py" "$rehearsal/lake/rehearsal/"
PYSPARK_PYTHON=$venv/bin/python3 PYTHONPATH=$SPARK_HOME/python SPARK_LOCAL_IP=127.0.0.1 \
    quietly "$java/bin/java" $(grep -v SharedArchiveFile "$engine/java.args") -Xmx1g -XX:+UseSerialGC \
    -XX:ArchiveClassesAtExit="$engine/start.jsa" -Djava.io.tmpdir="$rehearsal" -cp "$class_path" \
    org.apache.spark.deploy.SparkSubmit --master 'local[2]' --conf spark.ui.enabled=false \
    --conf spark.hadoop.fs.s3.impl=sluice.LakeFileSystem --conf spark.hadoop.fs.sluice.lake="$rehearsal/lake" \
    --conf spark.extraListeners=sluice.StepProgressListener --conf spark.sluice.progress="$rehearsal/progress" \
    --conf spark.hadoop.fs.sluice.scratch="$rehearsal/scratch" --conf spark.local.dir="$rehearsal" \
    s3://rehearsal/rehearsal.py s3://rehearsal/ || fail "Spark could not run a first step; see above"
grep -q '"tasksDone":[1-9]' "$rehearsal/progress" || fail "Spark did not report its progress to $rehearsal/progress"

cat >"$engine/engine.properties.new" <<END
java=$java/bin/java
python=$venv/bin/python3
sparkHome=$SPARK_HOME
sparkVersion=$pyspark
classPath=$class_path
END
mv "$engine/engine.properties.new" "$engine/engine.properties"
say "Spark $pyspark is ready"
