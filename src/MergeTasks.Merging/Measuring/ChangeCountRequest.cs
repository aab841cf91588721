using MergeTasks.Language.Declarations;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Measuring;

/// <summary>How many elements of each unit fine-tuning changed.</summary>
internal sealed record ChangeCountRequest : ScoreRequest
{
    private const int BlockLength = 1 << 16;

    private readonly ModelInput _tuned;
    private readonly ModelInput _base;
    private readonly DeltaPartition _partition;

    internal ChangeCountRequest(
        ScoreKey key, ModelDeclaration declaration, ModelInput tuned, ModelInput baseModel, DeltaPartition partition)
        : base(key, declaration, null) => (_tuned, _base, _partition) = (tuned, baseModel, partition);

    /// <inheritdoc/>
    public override string Phase => "changed parameters";

    internal override IEnumerable<ScoreList> Lists => _partition.Tensors.Select(tensor => new ScoreList(tensor.Name, tensor.Units));

    internal override void Compute(ScoringContext context, string path)
    {
        context.Progress.Scoring(Model.Label, Phase, 0, "one pass over the weights");
        var readers = Enumerable.Range(0, context.Team.Count)
            .Select(_ => (Deltas: new DeltaReader(_tuned, _base, null), Values: new float[BlockLength]))
            .ToArray();
        ScoreFile.Write(path, Key, [.. _partition.Tensors.Select(tensor => (tensor.Name, Count(tensor, context, readers)))]);
    }

    private static double[] Count(DeltaTensor tensor, ScoringContext context, (DeltaReader Deltas, float[] Values)[] readers)
    {
        var counts = new double[tensor.Units];
        var blocks = (tensor.Elements + BlockLength - 1) / BlockLength;
        context.Team.Run(blocks, sequential: false, (worker, block) =>
        {
            var start = block * BlockLength;
            var delta = readers[worker].Values.AsSpan(0, (int)Math.Min(BlockLength, tensor.Elements - start));
            readers[worker].Deltas.Read(tensor.Name, start, delta);
            if (tensor.Columns == 1)
                CountElements(delta, counts.AsSpan((int)start));
            else
                CountRuns(tensor, start, delta, counts);
        });
        return counts;
    }

    // Every element is a unit of its own, so no two threads meet.
    private static void CountElements(ReadOnlySpan<float> delta, Span<double> counts)
    {
        for (var i = 0; i < delta.Length; i++)
            counts[i] = delta[i] != 0 ? 1 : 0;
    }

    private static void CountRuns(DeltaTensor tensor, long start, ReadOnlySpan<float> delta, double[] counts)
    {
        // From the first unit of the first element's row, or of its matrix where units are columns.
        var first = tensor.UnitsAreColumns ? start / tensor.Matrix * tensor.Columns : tensor.UnitOf(start);
        var last = tensor.UnitsAreColumns
            ? ((start + delta.Length - 1) / tensor.Matrix * tensor.Columns) + tensor.Columns - 1
            : tensor.UnitOf(start + delta.Length - 1);
        var own = new double[last - first + 1];
        for (var i = 0; i < delta.Length;)
        {
            var length = (int)Math.Min(delta.Length - i, tensor.Columns - ((start + i) % tensor.Columns));
            var unit = tensor.UnitOf(start + i) - first;
            for (var end = i + length; i < end; i++)
            {
                own[unit] += delta[i] != 0 ? 1 : 0;
                if (tensor.UnitsAreColumns)
                    unit++;
            }
        }

        lock (counts)
        {
            for (var i = 0; i < own.Length && first + i < counts.Length; i++)
                counts[first + i] += own[i];
        }
    }
}
