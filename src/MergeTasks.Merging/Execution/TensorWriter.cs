using MergeTasks.Caching;
using MergeTasks.Checkpoints.Disk;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning.Tensors;
using MergeTasks.Methods.Contract;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Merging.Execution;

/// <summary>Computes or copies tensors into a weight file on all workers, and sums up the bytes on the way.</summary>
internal sealed class TensorWriter
{
    private readonly Func<TensorPlan, TensorMerge> _begin;
    private readonly WorkerTeam _team;
    private readonly MergeWorker[] _workers;

    /// <summary>A writer.</summary>
    /// <param name="begin">Begins the merge of a tensor.</param>
    /// <param name="team">Threads.</param>
    public TensorWriter(Func<TensorPlan, TensorMerge> begin, WorkerTeam team)
    {
        _begin = begin;
        _team = team;
        _workers = [.. Enumerable.Range(0, team.Count).Select(i => new MergeWorker(i))];
    }

    /// <summary>Makes one tensor as planned.</summary>
    /// <param name="plan">How.</param>
    /// <param name="target">Where in the file.</param>
    /// <param name="file">The file.</param>
    /// <returns>Checksum of the tensor's bytes.</returns>
    public ContentDigest Make(TensorPlan plan, TensorInfo target, BlockFile file)
    {
        var merge = plan.Context is not null ? _begin(plan) : null;
        var sources = plan.Sources.Select(source => source.Open()).ToList();
        if (SourceToCopy(plan, sources, merge, target) is { } source)
            return Copy(
                source.File,
                source.Info.Offset,
                target,
                file,
                merge is null || plan.Context!.KeepsNonFinite ? null : plan.Sources[merge.CopyOf!.Value]);
        foreach (var worker in _workers)
            worker.TurnTo(plan, sources);
        Analyze(merge!, target.ElementCount);
        return Merge(merge!, target, file, plan.Context!.KeepsNonFinite ? null : new ResultRange(target.DType, _workers.Length));
    }

    /// <summary>Makes one tensor as planned, in memory and not rounded to its type.</summary>
    /// <param name="plan">How; one that is computed and not copied.</param>
    /// <param name="into">Gets the tensor's elements under its name.</param>
    public void MakeInMemory(TensorPlan plan, CandidateParameters into)
    {
        var merge = _begin(plan);
        var sources = plan.Sources.Select(source => source.Open()).ToList();
        foreach (var worker in _workers)
            worker.TurnTo(plan, sources);
        var elements = plan.Context!.ElementCount;
        Analyze(merge, elements);
        const int blocksPerItem = StoredTensor.WindowLength / TensorMerge.BlockLength;
        var blocks = TensorMerge.BlockCount(elements);
        _team.Run(DivideUp(blocks, blocksPerItem), merge.IsSequential, (worker, item) => _workers[worker].ForEachBlock(
            item * blocksPerItem, Math.Min(blocks, (item + 1) * blocksPerItem), elements, block =>
            {
                merge.Merge(block);
                into.Write(plan.Output.Name, block.Start, block.Output);
            }));
    }

    /// <summary>Runs the passes of a merge over a tensor's inputs, and makes nothing.</summary>
    /// <returns>How many elements the tensor has.</returns>
    public long Look(TensorPlan plan, TensorMerge merge)
    {
        var sources = plan.Sources.Select(source => source.Open()).ToList();
        foreach (var worker in _workers)
            worker.TurnTo(plan, sources);
        Analyze(merge, plan.Context!.ElementCount);
        return plan.Context.ElementCount;
    }

    /// <summary>Copies a tensor's bytes from a weight file.</summary>
    /// <param name="source">The file.</param>
    /// <param name="sourceOffset">Where the bytes begin in it.</param>
    /// <param name="target">The tensor in the output.</param>
    /// <param name="file">The output.</param>
    /// <param name="finite">The input whose elements must be finite; <see langword="null"/>: nothing is checked.</param>
    public ContentDigest Copy(SafetensorsFile source, long sourceOffset, TensorInfo target, BlockFile file, TensorSource? finite = null)
    {
        var checksum = new TreeDigest(target.ByteLength);
        _team.Run(TreeDigest.ChunkCount(target.ByteLength), sequential: false, (worker, chunk) =>
        {
            var end = Math.Min(target.ByteLength, (chunk + 1) * TreeDigest.ChunkSize);
            for (var position = chunk * TreeDigest.ChunkSize; position < end;)
            {
                var span = file.Acquire(target.Offset + position, end - position);
                source.Read(sourceOffset + position, span);
                if (finite is not null)
                    FiniteElements.Require(finite, position / target.DType.Size(), target.DType, span);
                _workers[worker].Sums.Append(span);
                file.Commit(target.Offset + position, span.Length);
                position += span.Length;
            }

            _workers[worker].Sums.Finish(checksum.Chunk(chunk));
        });
        return checksum.Finish();
    }

    private static StoredTensor? SourceToCopy(TensorPlan plan, List<TensorContent> sources, TensorMerge? merge, TensorInfo target)
    {
        if (merge is null)
            return sources[0].Stored
                ?? throw new InvalidOperationException($"'{target.Name}' is to be copied, but its source is computed.");
        return merge.CopyOf is { } index
            && sources[index].DType == target.DType
            && (plan.Context!.CompatibleDType ?? target.DType) == target.DType
            ? sources[index].Stored
            : null;
    }

    private void Analyze(TensorMerge merge, long elementCount)
    {
        for (var pass = 0; merge.BeginPass(pass) is var perBlock and >= 0; pass++)
        {
            // Neighbouring blocks share a window; those that are far apart are read one by one.
            var stride = merge.Stride;
            var blocksPerItem = stride == 1 ? StoredTensor.WindowLength / TensorMerge.BlockLength : 1;
            var blocks = TensorMerge.BlockCount(elementCount);
            var partials = new double[DivideUp(blocks, stride) * perBlock];
            var number = pass;
            _team.Run(DivideUp(blocks, stride * blocksPerItem), merge.IsSequential, (worker, item) =>
            {
                var first = item * stride * blocksPerItem;
                _workers[worker].ForEachBlock(first, Math.Min(blocks, first + blocksPerItem), elementCount, block =>
                    merge.Analyze(number, block, partials.AsSpan(checked((int)(block.Index / stride * perBlock)), perBlock)));
            });
            merge.EndPass(pass, partials);
        }
    }

    private ContentDigest Merge(TensorMerge merge, TensorInfo target, BlockFile file, ResultRange? range)
    {
        var checksum = new TreeDigest(target.ByteLength);
        var blocksPerChunk = TreeDigest.ChunkSize / target.DType.Size() / TensorMerge.BlockLength;
        _team.Run(TreeDigest.ChunkCount(target.ByteLength), merge.IsSequential, (worker, chunk) =>
        {
            var sums = _workers[worker].Sums;
            var first = chunk * blocksPerChunk;
            _workers[worker].ForEachBlock(
                first, Math.Min(TensorMerge.BlockCount(target.ElementCount), first + blocksPerChunk), target.ElementCount, block =>
            {
                merge.Merge(block);
                range?.Check(merge, block, worker);
                Emit(block, target, file, sums);
            });
            sums.Finish(checksum.Chunk(chunk));
        });
        range?.RequireAll();
        return checksum.Finish();
    }

    private static long DivideUp(long value, long divisor) => (value + divisor - 1) / divisor;

    // Elements never straddle two blocks of the file, because the layout aligns every tensor to its element size.
    private static void Emit(MergeBlock block, TensorInfo target, BlockFile file, FourthOrderSums sums)
    {
        var size = target.DType.Size();
        var values = (ReadOnlySpan<float>)block.Output;
        var position = target.Offset + (block.Start * size);
        while (!values.IsEmpty)
        {
            var span = file.Acquire(position, (long)values.Length * size);
            var count = span.Length / size;
            ElementConversion.FromSingle(target.DType, values[..count], span);
            sums.Append(span);
            file.Commit(position, span.Length);
            values = values[count..];
            position += span.Length;
        }
    }
}
