using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning.Vocabularies;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Merging.Looking;

/// <summary>How a model differs from another, which is looked at as its base.</summary>
/// <param name="Changes">Each tensor of floating-point numbers that both have in the same shape.</param>
/// <param name="Other">Tensors that cannot be compared so, with why not, and those of other numbers that differ.</param>
/// <param name="Configuration">Keys of <c>config.json</c> that differ.</param>
/// <param name="Vocabulary">How the tokens differ, in words; <see langword="null"/> where they do not.</param>
internal sealed record ModelComparison(
    IReadOnlyList<ComparedTensor> Changes,
    IReadOnlyList<(string Tensor, string Difference)> Other,
    IReadOnlyList<ComparedSetting> Configuration,
    string? Vocabulary)
{
    /// <summary>Whether the models are the same but for how they are stored.</summary>
    public bool IsSame =>
        Other.Count == 0 && Configuration.Count == 0 && Vocabulary is null
            && Changes.All(tensor => tensor.Change.Models[0].Changed == 0);

    /// <summary>The changes of all tensors together; <see langword="null"/> where none is compared.</summary>
    public WeightChange? Whole => Changes.Count == 0 ? null : WeightChange.Sum("", [.. Changes.Select(tensor => tensor.Change)]);

    /// <summary>The changes of each layer, and of each tensor outside of one.</summary>
    public IReadOnlyList<WeightChange> Layers =>
        [.. Changes.GroupBy(tensor => tensor.Place.LayerName)
            .Select(layer => WeightChange.Sum(layer.Key, [.. layer.Select(tensor => tensor.Change)]))];

    /// <summary>Compares all tensors, which reads both models.</summary>
    /// <exception cref="DiagnosticException">A file cannot be read.</exception>
    public static ModelComparison Of(LookedModel first, LookedModel second, WorkerTeam team, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        try
        {
            var (changes, other) = Tensors(first.Input, second.Input, team, cancellation);
            return new ModelComparison(
                changes, other, ComparedSetting.Of(first.Input.Config, second.Input.Config), Tokens(first, second, cancellation));
        }
        catch (CheckpointException e)
        {
            throw FileDiagnostics.From(e, null);
        }
    }

    private static (List<ComparedTensor> Changes, List<(string Tensor, string Difference)> Other) Tensors(
        ModelInput first, ModelInput second, WorkerTeam team, CancellationToken cancellation)
    {
        var (changes, other) = (new List<ComparedTensor>(), new List<(string, string)>());
        var (index, place, found) = (new TensorIndex(second), TensorPlace.In(first), new HashSet<string>(StringComparer.Ordinal));
        foreach (var name in first.Names)
        {
            cancellation.ThrowIfCancellationRequested();
            if (index.Same(name) is not { } own)
            {
                other.Add((name, "only in the first"));
                continue;
            }

            found.Add(own);
            var (one, another) = (first.Find(name)!, second.Find(own)!);
            if (!one.Shape.SequenceEqual(another.Shape))
                other.Add((name, $"{TensorInfo.Shown(one.Shape)} in the first, {TensorInfo.Shown(another.Shape)} in the second"));
            else if (one.DType.IsFloatingPoint() && another.DType.IsFloatingPoint())
                changes.Add(new ComparedTensor(
                    place(name),
                    one.DType,
                    another.DType,
                    WeightComparison.Of(name, one.Shape.ElementCount(), first.Open(name), [second.Open(own)], team)));
            else if (!HaveSameBytes(first, name, second, own))
                other.Add((name, $"{one.DType.SafetensorsName()} and {another.DType.SafetensorsName()}, not the same bytes"));
        }

        other.AddRange(second.Names.Where(name => !found.Contains(name)).Select(name => (name, "only in the second")));
        return (changes, other);
    }

    private static bool HaveSameBytes(ModelInput first, string name, ModelInput second, string own)
    {
        if (first.Open(name).Stored is not { } one || second.Open(own).Stored is not { } other || one.DType != other.DType)
            return false;
        var (left, right) = (new byte[1 << 16], new byte[1 << 16]);
        for (var at = 0L; at < one.Info.ByteLength; at += left.Length)
        {
            var length = (int)Math.Min(left.Length, one.Info.ByteLength - at);
            one.File.Read(one.Info.Offset + at, left.AsSpan(0, length));
            other.File.Read(other.Info.Offset + at, right.AsSpan(0, length));
            if (!left.AsSpan(0, length).SequenceEqual(right.AsSpan(0, length)))
                return false;
        }

        return true;
    }

    private static string? Tokens(LookedModel first, LookedModel second, CancellationToken cancellation)
    {
        var (one, other) = (first.Input.SideFiles(cancellation), second.Input.SideFiles(cancellation));
        var (own, another) = (InspectedVocabulary.ReadTokenizer(one), InspectedVocabulary.ReadTokenizer(other));
        if (own is not null && another is not null)
            return VocabularyDifference.Describe(own, first.Label, another, second.Label);
        var table = own is null ? TokenTable.Read(one) : TokenTable.Of(own);
        var facing = another is null ? TokenTable.Read(other) : TokenTable.Of(another);
        return (table, facing) switch
        {
            (null, null) => null,
            (null, _) => $"'{first.Label}' has no tokens that can be read",
            (_, null) => $"'{second.Label}' has no tokens that can be read",
            _ => TokenTable.Describe(table, first.Label, facing, second.Label),
        };
    }
}

/// <summary>A tensor of both models.</summary>
/// <param name="Place">Where it lies.</param>
/// <param name="FirstType">Its element type in the first.</param>
/// <param name="SecondType">In the second.</param>
/// <param name="Change">From the first to the second.</param>
internal sealed record ComparedTensor(TensorPlace Place, DType FirstType, DType SecondType, WeightChange Change);
