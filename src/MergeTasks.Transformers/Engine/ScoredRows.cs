using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Transformers.Engine;

/// <summary>The rows of a batch that some targets are about, each once, ascending.</summary>
internal sealed class ScoredRows
{
    /// <summary>Checks the targets and collects their rows.</summary>
    /// <exception cref="ModelException"><see cref="ModelError.BadInput"/>.</exception>
    public ScoredRows(TokenBatch batch, IReadOnlyList<Target> targets, bool firstTokenOnly, int outcomes)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(targets);
        if (targets.Count == 0)
            throw new ModelException(ModelError.BadInput, "At least one target is needed.");
        var rows = new int[targets.Count];
        for (var i = 0; i < rows.Length; i++)
        {
            var target = targets[i];
            if (target.Sequence < 0 || target.Sequence >= batch.Sequences.Count)
                throw Bad(i, $"sequence {target.Sequence}", $"0 to {batch.Sequences.Count - 1}");
            var length = batch.Sequences[target.Sequence].Ids.Count;
            if (!firstTokenOnly && (target.Position < 0 || target.Position >= length))
                throw Bad(i, $"position {target.Position}", $"0 to {length - 1}");
            if (target.Outcome < 0 || target.Outcome >= outcomes)
                throw Bad(i, $"outcome {target.Outcome}", $"0 to {outcomes - 1}");
            rows[i] = batch.Start(target.Sequence) + (firstTokenOnly ? 0 : target.Position);
        }

        BatchRows = [.. rows.Distinct().Order()];
        Targets = [.. targets.Select((target, i) => new RowTarget(Array.BinarySearch(BatchRows, rows[i]), target.Outcome, target.Weight))];
    }

    /// <summary>The rows.</summary>
    public int[] BatchRows { get; }

    /// <summary>The targets, by index into <see cref="BatchRows"/>.</summary>
    public IReadOnlyList<RowTarget> Targets { get; }

    private static ModelException Bad(int target, string what, string valid) =>
        new(ModelError.BadInput, $"Target {target} names {what}; valid are {valid}.");
}

/// <summary>A target by the row of the scored positions that it is about.</summary>
internal readonly record struct RowTarget(int Row, int Outcome, double Weight);
