package rowferry.devstack.store;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collection;
import java.util.zip.CRC32;

/**
 * The append-only file the documents live in between two runs.
 *
 * <p>Rule 1: {@link #append} returns once the operating system has the entry, so a document that was
 * answered for survives the death of this process (not that of the machine: nothing is synced).
 * Rule 2: an entry is {@code length, crc, payload}; replay stops at the first one that is short or has
 * a wrong checksum, and cuts the file there, so a write torn by a kill never poisons what follows.
 * Rule 3: the last entry of a document id counts.
 * Rule 4: one process at a time has it open.
 */
public final class DocumentLog implements Closeable {

    /** Takes entries in the order they were written; {@code body} is null for a removal. */
    public interface Replay {
        void entry(String id, long timestampUs, byte[] body);
    }

    private static final byte[] MAGIC = "ROWFERRY-VESPA-1\n".getBytes(StandardCharsets.US_ASCII);
    private static final int MAX_ENTRY_BYTES = 1 << 30;
    private static final byte PUT = 1;
    private static final byte REMOVE = 2;

    private final Path file;
    private final FileChannel lock;
    private FileChannel channel;

    private DocumentLog(Path file, FileChannel lock, FileChannel channel) {
        this.file = file;
        this.lock = lock;
        this.channel = channel;
    }

    /** Opens the log, creating it when missing, hands all its entries to {@code replay} and cuts a torn tail. */
    public static DocumentLog open(Path file, Replay replay) throws IOException {
        FileChannel lock = FileChannel.open(file.resolveSibling(file.getFileName() + ".lock"),
                                            StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        if (lock.tryLock() == null) throw new IOException("another process has " + file + " open");
        long valid = Files.exists(file) ? replay(file, replay) : 0;
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        channel.truncate(valid);
        channel.position(valid);
        if (valid == 0) writeFully(channel, ByteBuffer.wrap(MAGIC));
        return new DocumentLog(file, lock, channel);
    }

    /** Writes one entry; {@code body} null means the document is gone. */
    public synchronized void append(String id, long timestampUs, byte[] body) throws IOException {
        long end = channel.position();
        try {
            writeFully(channel, entry(id, timestampUs, body));
        } catch (IOException e) {
            channel.truncate(end).position(end); // half an entry would hide all that follows
            throw e;
        }
    }

    /** Replaces the whole file by the given documents, atomically. */
    public synchronized void rewrite(Collection<StoredDocument> documents) throws IOException {
        Path fresh = file.resolveSibling(file.getFileName() + ".compacting");
        try (FileChannel out = FileChannel.open(fresh, StandardOpenOption.CREATE, StandardOpenOption.WRITE,
                                                StandardOpenOption.TRUNCATE_EXISTING)) {
            writeFully(out, ByteBuffer.wrap(MAGIC));
            ByteBuffer batch = ByteBuffer.allocate(1 << 20);
            for (StoredDocument document : documents) {
                ByteBuffer entry = entry(document.id(), document.timestampUs(), document.body());
                if (entry.remaining() > batch.remaining()) {
                    writeFully(out, batch.flip());
                    batch.clear();
                }
                if (entry.remaining() > batch.remaining()) writeFully(out, entry);
                else batch.put(entry);
            }
            writeFully(out, batch.flip());
            out.force(true);
        }
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        channel.close();
        channel = FileChannel.open(file, StandardOpenOption.WRITE);
        channel.position(channel.size());
    }

    public synchronized long sizeBytes() throws IOException {
        return channel.size();
    }

    @Override
    public synchronized void close() throws IOException {
        channel.close();
        lock.close();
    }

    private static ByteBuffer entry(String id, long timestampUs, byte[] body) {
        byte[] name = id.getBytes(StandardCharsets.UTF_8);
        int length = 1 + Long.BYTES + Integer.BYTES + name.length + (body == null ? 0 : body.length);
        ByteBuffer buffer = ByteBuffer.allocate(Integer.BYTES * 2 + length);
        buffer.putInt(length).putInt(0);
        buffer.put(body == null ? REMOVE : PUT).putLong(timestampUs).putInt(name.length).put(name);
        if (body != null) buffer.put(body);
        buffer.putInt(Integer.BYTES, crc(buffer.array(), Integer.BYTES * 2, length));
        return buffer.flip();
    }

    /** Returns how many bytes of the file are whole entries. */
    private static long replay(Path file, Replay replay) throws IOException {
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file), 1 << 20))) {
            long size = Files.size(file);
            if (!startsWithMagic(in, size)) {
                if (size <= MAGIC.length) return 0; // killed while creating it
                throw new IOException("expected a document log, got something else in " + file);
            }
            long valid = MAGIC.length;
            while (size - valid >= Integer.BYTES * 2) {
                int length = in.readInt();
                int crc = in.readInt();
                if (length < 1 + Long.BYTES + Integer.BYTES || length > MAX_ENTRY_BYTES
                        || length > size - valid - Integer.BYTES * 2) break;
                byte[] payload = in.readNBytes(length);
                if (payload.length < length || crc(payload, 0, length) != crc) break;
                deliver(payload, replay);
                valid += Integer.BYTES * 2 + length;
            }
            return valid;
        }
    }

    private static boolean startsWithMagic(DataInputStream in, long size) throws IOException {
        return size >= MAGIC.length && Arrays.equals(in.readNBytes(MAGIC.length), MAGIC);
    }

    private static void deliver(byte[] payload, Replay replay) {
        ByteBuffer buffer = ByteBuffer.wrap(payload);
        byte kind = buffer.get();
        long timestampUs = buffer.getLong();
        int nameLength = buffer.getInt();
        String id = new String(payload, buffer.position(), nameLength, StandardCharsets.UTF_8);
        buffer.position(buffer.position() + nameLength);
        byte[] body = null;
        if (kind == PUT) {
            body = new byte[buffer.remaining()];
            buffer.get(body);
        }
        replay.entry(id, timestampUs, body);
    }

    private static int crc(byte[] bytes, int offset, int length) {
        CRC32 crc = new CRC32();
        crc.update(bytes, offset, length);
        return (int) crc.getValue();
    }

    private static void writeFully(FileChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) channel.write(buffer);
    }
}
