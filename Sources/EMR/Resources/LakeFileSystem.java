package sluice;

import java.io.File;
import java.io.FileNotFoundException;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.UUID;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.CreateFlag;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.ParentNotDirectoryException;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * What <code>s3://</code>, <code>s3a://</code> and <code>s3n://</code> mean inside a step: <code>s3://BUCKET/KEY</code> is
 * the file <code>LAKE/BUCKET/KEY</code>.
 *
 * <p>It behaves as an object store does, as far as a job can tell: an object appears whole, when its writer closes it or
 * moves it into place, never half; a directory is moved object by object; there is no append and there are no
 * permissions; nothing reaches out of its bucket. What a committer stages (<code>_temporary</code> and the like) is kept
 * outside the bucket, so that nobody who watches the bucket ever sees it.
 *
 * <p>Settings: <code>fs.sluice.lake</code>, the folder of the buckets (required), and <code>fs.sluice.scratch</code>, the
 * folder for staged files (default: <code>.scratch</code> in the lake; best on the lake's own file system).
 */
public final class LakeFileSystem extends RawLocalFileSystem {
    private static final Pattern BUCKET_NAME = Pattern.compile("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]");

    private URI uri;
    private String bucket;
    private File bucketFolder;
    private java.nio.file.Path bucketRealPath;
    private File scratchFolder;
    private Path workingDirectory;

    @Override
    public void initialize(URI name, Configuration configuration) throws IOException {
        String lake = configuration.get("fs.sluice.lake");
        if (lake == null) {
            throw new IOException("fs.sluice.lake is not set: it names the folder that holds the buckets");
        }
        bucket = name.getAuthority();
        if (bucket == null || !BUCKET_NAME.matcher(bucket).matches() || bucket.contains("..")) {
            throw new IOException("InvalidBucketName: The specified bucket is not valid: " + name);
        }
        bucketFolder = new File(lake, bucket);
        if (!bucketFolder.isDirectory()) {
            throw new FileNotFoundException("NoSuchBucket: The specified bucket does not exist: " + name.getScheme()
                    + "://" + bucket + " (no folder " + bucketFolder + ")");
        }
        bucketRealPath = bucketFolder.toPath().toRealPath();
        scratchFolder = new File(configuration.get("fs.sluice.scratch", lake + "/.scratch"), bucket);
        uri = URI.create(name.getScheme() + "://" + bucket);
        workingDirectory = new Path(uri + "/");
        super.initialize(name, configuration);
    }

    @Override
    public URI getUri() {
        return uri;
    }

    @Override
    public String getScheme() {
        return uri.getScheme();
    }

    // ---- names ----

    /** The file of an object. A committer's staging folders lead out of the bucket, into the scratch folder. */
    @Override
    public File pathToFile(Path path) {
        checkPath(path);
        String key = makeAbsolute(path).toUri().getPath();
        boolean staged = false;
        for (String part : key.split("/")) {
            if (part.equals("..") || part.equals(".") || part.indexOf('\0') >= 0) {
                throw new IllegalArgumentException("A key cannot hold the part '" + part + "': " + path);
            }
            staged |= part.equals("_temporary") || part.startsWith(".spark-staging") || part.startsWith(".hive-staging");
        }
        return new File(staged ? scratchFolder : bucketFolder, key);
    }

    private Path makeAbsolute(Path path) {
        return path.isAbsolute() ? path : new Path(workingDirectory, path);
    }

    private boolean isStaged(File file) {
        return file.toPath().startsWith(scratchFolder.toPath());
    }

    private boolean isRoot(File file) {
        return file.equals(bucketFolder);
    }

    /** A file that is there and whose real place is inside the bucket: a symbolic link that leads out is no object. */
    private boolean isObject(File file) {
        try {
            return isStaged(file) ? file.exists() : file.toPath().toRealPath().startsWith(bucketRealPath);
        } catch (IOException missing) {
            return false;
        }
    }

    private File existing(Path path) throws FileNotFoundException {
        File file = pathToFile(path);
        if (!isObject(file)) {
            throw new FileNotFoundException("NoSuchKey: The specified key does not exist: " + path);
        }
        return file;
    }

    /** Makes the folders above a new object; they must stay within the bucket, and the bucket must still be there. */
    private void makeParents(File file) throws IOException {
        java.nio.file.Path parent = file.toPath().getParent();
        if (!isStaged(file) && !bucketFolder.isDirectory()) {
            throw new FileNotFoundException("NoSuchBucket: The specified bucket does not exist: " + uri);
        }
        // Asked of what is there already, so that nothing is made on the far side of a link.
        java.nio.file.Path there = parent;
        while (there.getParent() != null && !Files.exists(there, LinkOption.NOFOLLOW_LINKS)) {
            there = there.getParent();
        }
        if (!isStaged(file) && !there.toRealPath().startsWith(bucketRealPath)) {
            throw outside(file);
        }
        try {
            Files.createDirectories(parent);
        } catch (java.nio.file.FileAlreadyExistsException notAFolder) {
            throw new ParentNotDirectoryException("A part of the key is an object already: " + parent);
        }
    }

    private static IOException outside(File file) {
        return new IOException("AccessDenied: " + file + " lies outside its bucket, through a symbolic link");
    }

    // ---- reading ----

    @Override
    public FSDataInputStream open(Path path, int bufferSize) throws IOException {
        if (existing(path).isDirectory()) {
            throw new FileNotFoundException("Cannot open " + path + ": it is a folder, not an object");
        }
        return super.open(path, bufferSize);
    }

    @Override
    public boolean exists(Path path) {
        return isObject(pathToFile(path));
    }

    @Override
    public FileStatus getFileStatus(Path path) throws IOException {
        return status(existing(path), makeAbsolute(path).toUri().getPath());
    }

    @Override
    public FileStatus getFileLinkStatus(Path path) throws IOException {
        return getFileStatus(path);
    }

    @Override
    public FileStatus[] listStatus(Path path) throws IOException {
        File folder = existing(path);
        String key = makeAbsolute(path).toUri().getPath();
        if (!folder.isDirectory()) {
            return new FileStatus[] {status(folder, key)};
        }
        String[] names = folder.list();
        if (names == null) {
            throw new IOException("AccessDenied: cannot list " + folder);
        }
        Arrays.sort(names);
        List<FileStatus> found = new ArrayList<>(names.length);
        for (String name : names) {
            File file = new File(folder, name);
            if (isObject(file)) {
                found.add(status(file, key.endsWith("/") ? key + name : key + "/" + name));
            }
        }
        return found.toArray(new FileStatus[0]);
    }

    private FileStatus status(File file, String key) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(file.toPath(), BasicFileAttributes.class);
        Path name = new Path(uri.getScheme(), bucket, key);
        boolean folder = attributes.isDirectory();
        return new FileStatus(folder ? 0 : attributes.size(), folder, 1, getDefaultBlockSize(name),
                attributes.lastModifiedTime().toMillis(), 0, FsPermission.getDefault(), "", "", name);
    }

    // ---- writing ----

    /** Writes beside the bucket; closing the stream moves the object into place, as a PUT would. */
    private FSDataOutputStream put(Path path, boolean overwrite, int bufferSize) throws IOException {
        File target = pathToFile(path);
        if (target.isDirectory()) {
            throw new FileAlreadyExistsException(path + " is a folder");
        }
        if (!overwrite && target.exists()) {
            throw new FileAlreadyExistsException(path + " already exists");
        }
        makeParents(target);
        File staged = isStaged(target) ? target : new File(scratchFolder, "_put/" + UUID.randomUUID());
        Files.createDirectories(staged.toPath().getParent());
        OutputStream file = new java.io.BufferedOutputStream(new java.io.FileOutputStream(staged), bufferSize);
        OutputStream whole = new FilterOutputStream(file) {
            private boolean closed;

            @Override
            public void write(byte[] bytes, int offset, int count) throws IOException {
                out.write(bytes, offset, count);
            }

            @Override
            public void close() throws IOException {
                if (closed) {
                    return;
                }
                closed = true;
                out.close();
                if (staged != target) {
                    move(staged, target);
                }
            }
        };
        return new FSDataOutputStream(whole, statistics);
    }

    @Override
    public FSDataOutputStream create(Path path, boolean overwrite, int bufferSize, short replication, long blockSize,
            Progressable progress) throws IOException {
        return put(path, overwrite, bufferSize);
    }

    @Override
    public FSDataOutputStream create(Path path, FsPermission permission, boolean overwrite, int bufferSize,
            short replication, long blockSize, Progressable progress) throws IOException {
        return put(path, overwrite, bufferSize);
    }

    @Override
    public FSDataOutputStream createNonRecursive(Path path, FsPermission permission, boolean overwrite, int bufferSize,
            short replication, long blockSize, Progressable progress) throws IOException {
        if (path.getParent() != null && !exists(path.getParent())) {
            throw new FileNotFoundException("The parent of " + path + " does not exist");
        }
        return put(path, overwrite, bufferSize);
    }

    @Override
    public FSDataOutputStream createNonRecursive(Path path, FsPermission permission, EnumSet<CreateFlag> flags,
            int bufferSize, short replication, long blockSize, Progressable progress) throws IOException {
        if (flags.contains(CreateFlag.APPEND)) {
            return append(path, bufferSize, progress);
        }
        return createNonRecursive(path, permission, flags.contains(CreateFlag.OVERWRITE), bufferSize, replication,
                blockSize, progress);
    }

    @Override
    public FSDataOutputStream append(Path path, int bufferSize, Progressable progress) {
        throw new UnsupportedOperationException("Append is not supported: an object in S3 is written whole: " + path);
    }

    @Override
    public boolean truncate(Path path, long length) {
        throw new UnsupportedOperationException("Truncate is not supported: an object in S3 is written whole: " + path);
    }

    @Override
    public void concat(Path target, Path[] sources) {
        throw new UnsupportedOperationException("Concat is not supported: an object in S3 is written whole: " + target);
    }

    @Override
    public boolean mkdirs(Path path) throws IOException {
        File folder = pathToFile(path);
        if (folder.isDirectory()) {
            if (!isObject(folder)) {
                throw outside(folder);
            }
            return true;
        }
        if (folder.exists()) {
            throw new FileAlreadyExistsException(path + " is an object, not a folder");
        }
        makeParents(new File(folder, "any"));
        return true;
    }

    @Override
    public boolean mkdirs(Path path, FsPermission permission) throws IOException {
        return mkdirs(path);
    }

    /** Moves an object, or every object of a folder with one move each. False, as in HDFS and S3A, where it can't. */
    @Override
    public boolean rename(Path source, Path target) throws IOException {
        File from = pathToFile(source);
        if (!isObject(from)) {
            throw new FileNotFoundException("NoSuchKey: The specified key does not exist: " + source);
        }
        File to = pathToFile(target);
        if (to.isDirectory()) {
            if (from.equals(to)) {
                return true;
            }
            to = new File(to, from.getName());
        }
        if (from.equals(to)) {
            return true;
        }
        if (isRoot(from) || to.isFile() || to.toPath().startsWith(from.toPath())) {
            return false;
        }
        if (to.isDirectory() && to.list() != null && to.list().length > 0) {
            return false;
        }
        if (from.isDirectory() && !(isStaged(from) && isStaged(to))) {
            moveObjects(from, to);
        } else {
            makeParents(to);
            move(from, to);
        }
        return true;
    }

    private void moveObjects(File from, File to) throws IOException {
        makeParents(new File(to, "any"));
        String[] names = from.list();
        if (names == null) {
            throw new IOException("AccessDenied: cannot list " + from);
        }
        Arrays.sort(names);
        for (String name : names) {
            File file = new File(from, name);
            File place = new File(to, name);
            if (file.isDirectory() && !Files.isSymbolicLink(file.toPath())) {
                moveObjects(file, place);
            } else {
                move(file, place);
            }
        }
        Files.delete(from.toPath());
    }

    /** One atomic move, also from another file system: there the bytes are first copied to a hidden name beside it. */
    private static void move(File from, File to) throws IOException {
        try {
            Files.move(from.toPath(), to.toPath(), StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException elsewhere) {
            java.nio.file.Path beside = to.toPath().resolveSibling("." + to.getName() + "." + UUID.randomUUID());
            try {
                Files.copy(from.toPath(), beside);
                Files.move(beside, to.toPath(), StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(beside);
            }
            Files.delete(from.toPath());
        }
    }

    /** Deletes an object or a folder with all that it holds. A bucket's root is emptied; the bucket itself stays. */
    @Override
    public boolean delete(Path path, boolean recursive) throws IOException {
        File file = pathToFile(path);
        boolean link = Files.isSymbolicLink(file.toPath());
        if (!isObject(file) && !(link && isObject(file.getParentFile()))) {
            return false;
        }
        if (!file.isDirectory() || link) {
            Files.delete(file.toPath());
            return true;
        }
        String[] names = file.list();
        if (!recursive && names != null && names.length > 0) {
            throw new IOException(path + " is not empty");
        }
        boolean keep = isRoot(file);
        Files.walkFileTree(file.toPath(), new SimpleFileVisitor<java.nio.file.Path>() {
            @Override
            public FileVisitResult visitFile(java.nio.file.Path entry, BasicFileAttributes attributes)
                    throws IOException {
                Files.delete(entry);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(java.nio.file.Path folder, IOException failure)
                    throws IOException {
                if (failure != null) {
                    throw failure;
                }
                if (!(keep && folder.equals(file.toPath()))) {
                    Files.delete(folder);
                }
                return FileVisitResult.CONTINUE;
            }
        });
        return true;
    }

    // ---- what S3 has not ----

    @Override
    public void setPermission(Path path, FsPermission permission) {}

    @Override
    public void setOwner(Path path, String user, String group) {}

    @Override
    public void setTimes(Path path, long modified, long accessed) {}

    @Override
    public boolean supportsSymlinks() {
        return false;
    }

    @Override
    public boolean hasPathCapability(Path path, String capability) {
        return false;
    }

    // ---- the working directory: the bucket's root ----

    @Override
    protected Path getInitialWorkingDirectory() {
        return null;
    }

    @Override
    public Path getWorkingDirectory() {
        return workingDirectory;
    }

    @Override
    public void setWorkingDirectory(Path path) {
        workingDirectory = makeAbsolute(path);
    }

    @Override
    public Path getHomeDirectory() {
        return new Path(uri + "/");
    }

    @Override
    public String toString() {
        return "LakeFileSystem{" + uri + " -> " + bucketFolder + "}";
    }
}
