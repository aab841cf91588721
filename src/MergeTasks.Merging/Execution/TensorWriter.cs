using System.Security.Cryptography;
using MergeTasks.Caching;
using MergeTasks.Checkpoints;
using MergeTasks.Merging.Methods;
using MergeTasks.Merging.Planning;

namespace MergeTasks.Merging.Execution;

/// <summary>Computes or copies tensors into a weight file on all workers, and digests the bytes on the way.</summary>
internal sealed class TensorWriter : IDisposable
{
    private readonly Func<TensorPlan, TensorMerge> _begin;
    private readonly WorkerTeam _team;
    private readonly Worker[] _workers;

    /// <summary>A writer.</summary>
    /// <param name="begin">Begins the merge of a tensor.</param>
    /// <param name="team">Threads.</param>
    public TensorWriter(Func<TensorPlan, TensorMerge> begin, WorkerTeam team)
    {
        _begin = begin;
        _team = team;
        _workers = [.. Enumerable.Range(0, team.Count).Select(i => new Worker(i))];
    }

    /// <summary>Makes one tensor as planned.</summary>
    /// <param name="plan">How.</param>
    /// <param name="target">Where in the file.</param>
    /// <param name="file">The file.</param>
    /// <returns>Digest of the tensor's bytes.</returns>
    public ContentDigest Make(TensorPlan plan, TensorInfo target, BlockFile file)
    {
        var merge = plan.Context is not null ? _begin(plan) : null;
        if (SourceToCopy(plan, merge, target) is { } source)
            return Copy(source.Model.Weights.FileOf(source.Tensor), source.Model.Weights.Find(source.Tensor)!.Offset, target, file);
        foreach (var worker in _workers)
            worker.TurnTo(plan);
        Analyze(merge!, target.ElementCount);
        return Merge(merge!, target, file);
    }

    /// <summary>Copies a tensor's bytes from a weight file.</summary>
    public ContentDigest Copy(SafetensorsFile source, long sourceOffset, TensorInfo target, BlockFile file)
    {
        var digest = new TreeDigest(target.ByteLength);
        _team.Run(TreeDigest.ChunkCount(target.ByteLength), sequential: false, (worker, chunk) =>
        {
            var end = Math.Min(target.ByteLength, (chunk + 1) * TreeDigest.ChunkSize);
            for (var position = chunk * TreeDigest.ChunkSize; position < end;)
            {
                var span = file.Acquire(target.Offset + position, end - position);
                source.Read(sourceOffset + position, span);
                _workers[worker].Hash.AppendData(span);
                file.Commit(target.Offset + position, span.Length);
                position += span.Length;
            }

            _workers[worker].Hash.GetHashAndReset(digest.Chunk(chunk));
        });
        return digest.Finish();
    }

    public void Dispose()
    {
        foreach (var worker in _workers)
            worker.Dispose();
    }

    private static TensorSource? SourceToCopy(TensorPlan plan, TensorMerge? merge, TensorInfo target)
    {
        if (merge is null)
            return plan.Sources[0];
        return merge.CopyOf is { } index && plan.Sources[index].DType == target.DType && (plan.Context!.CompatibleDType ?? target.DType) == target.DType
            ? plan.Sources[index]
            : null;
    }

    private void Analyze(TensorMerge merge, long elementCount)
    {
        var blocks = (elementCount + TensorMerge.BlockLength - 1) / TensorMerge.BlockLength;
        for (var pass = 0; merge.BeginPass(pass) is var perBlock and >= 0; pass++)
        {
            var partials = new double[blocks * perBlock];
            var number = pass;
            _team.Run(blocks, merge.IsSequential, (worker, index) =>
            {
                var block = _workers[worker].Block;
                block.MoveTo(index, elementCount, _workers[worker].Read);
                merge.Analyze(number, block, partials.AsSpan(checked((int)(index * perBlock)), perBlock));
            });
            merge.EndPass(pass, partials);
        }
    }

    private ContentDigest Merge(TensorMerge merge, TensorInfo target, BlockFile file)
    {
        var digest = new TreeDigest(target.ByteLength);
        var blocksPerChunk = TreeDigest.ChunkSize / target.DType.Size() / TensorMerge.BlockLength;
        var blocks = (target.ElementCount + TensorMerge.BlockLength - 1) / TensorMerge.BlockLength;
        _team.Run(TreeDigest.ChunkCount(target.ByteLength), merge.IsSequential, (worker, chunk) =>
        {
            var (block, hash) = (_workers[worker].Block, _workers[worker].Hash);
            for (var index = chunk * blocksPerChunk; index < Math.Min(blocks, (chunk + 1) * blocksPerChunk); index++)
            {
                block.MoveTo(index, target.ElementCount, _workers[worker].Read);
                merge.Merge(block);
                Emit(block, target, file, hash);
            }

            hash.GetHashAndReset(digest.Chunk(chunk));
        });
        return digest.Finish();
    }

    // Elements never straddle two blocks of the file, because the layout aligns every tensor to its element size.
    private static void Emit(MergeBlock block, TensorInfo target, BlockFile file, IncrementalHash hash)
    {
        var size = target.DType.Size();
        var values = (ReadOnlySpan<float>)block.Output;
        var position = target.Offset + (block.Start * size);
        while (!values.IsEmpty)
        {
            var span = file.Acquire(position, (long)values.Length * size);
            var count = span.Length / size;
            ElementConversion.FromSingle(target.DType, values[..count], span);
            hash.AppendData(span);
            file.Commit(position, span.Length);
            values = values[count..];
            position += span.Length;
        }
    }

    /// <summary>One thread's memory.</summary>
    private sealed class Worker(int number) : IDisposable
    {
        private readonly byte[] _stored = new byte[TensorMerge.BlockLength * sizeof(double)];
        private (SafetensorsFile File, long Offset, DType DType)[] _sources = [];
        private DType? _castTo;

        public MergeBlock Block { get; } = new(number);

        public IncrementalHash Hash { get; } = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        public void TurnTo(TensorPlan plan)
        {
            _sources = [.. plan.Sources.Select(source => (source.Model.Weights.FileOf(source.Tensor), source.Model.Weights.Find(source.Tensor)!.Offset, source.DType))];
            _castTo = plan.Context!.CompatibleDType;
        }

        public void Read(int input, long start, Span<float> destination)
        {
            var (file, offset, dtype) = _sources[input];
            var bytes = _stored.AsSpan(0, destination.Length * dtype.Size());
            file.Read(offset + (start * dtype.Size()), bytes);
            ElementConversion.ToSingle(dtype, bytes, destination);
            if (_castTo is { } cast && cast != dtype)
                ElementConversion.Round(cast, destination);
        }

        public void Dispose() => Hash.Dispose();
    }
}
