package sluice;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerApplicationEnd;
import org.apache.spark.scheduler.SparkListenerJobEnd;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerStageCompleted;
import org.apache.spark.scheduler.SparkListenerStageSubmitted;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.StageInfo;

/**
 * Writes how far a step is into the file that <code>spark.sluice.progress</code> names, as one JSON object, at most five
 * times a second. It depends on no log level and on no port.
 */
public final class StepProgressListener extends SparkListener {
    private static final long INTERVAL = 200_000_000L;

    private final Path file;
    /** For each job its stages that have not begun, with their tasks. */
    private final Map<Integer, Map<Integer, Integer>> waiting = new HashMap<>();
    private long written = System.nanoTime() - INTERVAL;
    private long stages, stagesDone, tasks, tasksDone, tasksFailed, rowsRead, bytesRead, rowsWritten, bytesWritten;

    public StepProgressListener(SparkConf configuration) {
        String path = configuration.get("spark.sluice.progress", "");
        file = path.isEmpty() ? null : Paths.get(path);
    }

    @Override
    public synchronized void onJobStart(SparkListenerJobStart job) {
        Map<Integer, Integer> announced = new HashMap<>();
        scala.collection.Iterator<StageInfo> all = job.stageInfos().iterator();
        while (all.hasNext()) {
            StageInfo stage = all.next();
            announced.put(stage.stageId(), stage.numTasks());
            stages++;
            tasks += stage.numTasks();
        }
        waiting.put(job.jobId(), announced);
        write(false);
    }

    @Override
    public synchronized void onStageSubmitted(SparkListenerStageSubmitted stage) {
        for (Map<Integer, Integer> announced : waiting.values()) {
            announced.remove(stage.stageInfo().stageId());
        }
    }

    /** Stages whose results were there already are announced, but never run: they don't count. */
    @Override
    public synchronized void onJobEnd(SparkListenerJobEnd job) {
        Map<Integer, Integer> skipped = waiting.remove(job.jobId());
        if (skipped != null) {
            stages -= skipped.size();
            for (int count : skipped.values()) {
                tasks -= count;
            }
        }
        write(false);
    }

    @Override
    public synchronized void onTaskEnd(SparkListenerTaskEnd task) {
        if (!task.taskInfo().successful()) {
            tasksFailed++;
            return;
        }
        tasksDone++;
        TaskMetrics metrics = task.taskMetrics();
        if (metrics != null) {
            rowsRead += metrics.inputMetrics().recordsRead();
            bytesRead += metrics.inputMetrics().bytesRead();
            rowsWritten += metrics.outputMetrics().recordsWritten();
            bytesWritten += metrics.outputMetrics().bytesWritten();
        }
        write(false);
    }

    @Override
    public synchronized void onStageCompleted(SparkListenerStageCompleted stage) {
        stagesDone++;
        write(false);
    }

    @Override
    public synchronized void onApplicationEnd(SparkListenerApplicationEnd application) {
        write(true);
    }

    private void write(boolean last) {
        long now = System.nanoTime();
        if (file == null || (!last && now - written < INTERVAL)) {
            return;
        }
        written = now;
        String text = "{\"stages\":" + stages + ",\"stagesDone\":" + stagesDone + ",\"tasks\":" + tasks
                + ",\"tasksDone\":" + tasksDone + ",\"tasksFailed\":" + tasksFailed + ",\"rowsRead\":" + rowsRead
                + ",\"bytesRead\":" + bytesRead + ",\"rowsWritten\":" + rowsWritten + ",\"bytesWritten\":"
                + bytesWritten + "}\n";
        try {
            Path beside = file.resolveSibling(file.getFileName() + ".new");
            Files.write(beside, text.getBytes(StandardCharsets.UTF_8));
            Files.move(beside, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException unwritable) {
            // Progress is a courtesy: the job matters more, and its own output will meet the same trouble.
        }
    }
}
