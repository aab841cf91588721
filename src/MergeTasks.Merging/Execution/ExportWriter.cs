using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Writing;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs;
using MergeTasks.Merging.Planning.Exports;

namespace MergeTasks.Merging.Execution;

/// <summary>Writes the stale GGUF files of an output from its weights: those that were just prepared, and those that stay.</summary>
/// <param name="partial">Folder of what is prepared.</param>
/// <param name="workers">Threads.</param>
/// <param name="progress">Hears of progress.</param>
internal sealed class ExportWriter(string partial, int workers, MergeProgress progress)
{
    /// <summary>Writes them.</summary>
    /// <returns>The checksum of each file of the output that is written from weights, also of those that stay.</returns>
    /// <exception cref="DiagnosticException">A tensor holds numbers that the file's type cannot.</exception>
    public Dictionary<string, ContentDigest> Write(OutputState state, CancellationToken cancellation)
    {
        var checksums = state.KeptExports.ToDictionary(StringComparer.Ordinal);
        if (state.StaleExports.Count == 0)
            return checksums;
        using var weights = new Weights(state, partial);
        foreach (var export in state.StaleExports)
        {
            try
            {
                using var file = new SummedFile(Path.Combine(partial, export.FileName), export.Model.Layout.Length, progress.Written);
                new GgufWriter(weights, workers, cancellation).Write(export.Model, file);
                checksums[export.FileName] = file.Finish();
            }
            catch (GgufException e)
            {
                throw ExportPlanner.Refusal(state.Plan.Declaration, e.Message);
            }
        }

        return checksums;
    }

    private sealed class Weights : IWeights, IDisposable
    {
        private readonly List<SafetensorsFile> _files = [];
        private readonly Dictionary<string, (SafetensorsFile File, TensorInfo Info)> _tensors = new(StringComparer.Ordinal);

        public Weights(OutputState state, string partial)
        {
            var fresh = state.StaleShards.Select(shard => shard.FileName).ToHashSet(StringComparer.Ordinal);
            foreach (var shard in state.Plan.Shards)
            {
                var folder = fresh.Contains(shard.FileName) ? partial : state.Plan.Declaration.OutputFolder;
                var file = SafetensorsFile.Open(Path.Combine(folder, shard.FileName));
                _files.Add(file);
                foreach (var info in file.Header.Tensors)
                    _tensors[info.Name] = (file, info);
            }
        }

        public DType DTypeOf(string tensor) => _tensors[tensor].Info.DType;

        public void Read(string tensor, long start, Span<byte> destination)
        {
            var (file, info) = _tensors[tensor];
            file.Read(info.Offset + start, destination);
        }

        public void Dispose() => _files.ForEach(file => file.Dispose());
    }

    // Sums up what passes, so that the file is not read again for it.
    private sealed class SummedFile : Stream
    {
        private readonly FileStream _file;
        private readonly TreeDigest _digest;
        private readonly IChunkSum _sum = DigestKind.Checksum.NewSum();
        private readonly Action<int> _written;
        private long _position;

        public SummedFile(string path, long length, Action<int> written)
        {
            _file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
            _digest = new TreeDigest(length);
            _written = written;
        }

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => _position;

        public override long Position
        {
            get => _position;
            set => throw new NotSupportedException();
        }

        public ContentDigest Finish()
        {
            if (_position % TreeDigest.ChunkSize > 0)
                _sum.Finish(_digest.Chunk(_position / TreeDigest.ChunkSize));
            return _digest.Finish();
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            _file.Write(buffer);
            _written(buffer.Length);
            while (!buffer.IsEmpty)
            {
                var count = (int)Math.Min(buffer.Length, TreeDigest.ChunkSize - _position % TreeDigest.ChunkSize);
                _sum.Append(buffer[..count]);
                _position += count;
                if (_position % TreeDigest.ChunkSize == 0)
                    _sum.Finish(_digest.Chunk(_position / TreeDigest.ChunkSize - 1));
                buffer = buffer[count..];
            }
        }

        public override void Flush() => _file.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _file.Dispose();
                _sum.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
