using MergeTasks.Checkpoints.Elements;
using MergeTasks.Methods.Random;
using MergeTasks.Numerics.Algebra;

namespace MergeTasks.Methods.Contract;

/// <summary>One model's part in the merge of one tensor.</summary>
/// <param name="Position">The model's place in the declaration, from 0; the base, where it is not listed, comes last.</param>
/// <param name="IsBase">Whether this is the base model.</param>
/// <param name="Parameters">The per-model parameters, resolved for this tensor; empty for a base that is not listed.</param>
public sealed record TensorInput(int Position, bool IsBase, IReadOnlyDictionary<string, double> Parameters)
{
    /// <summary>
    /// Where the method wants a statistic of the models: what to read it under, as an input. <see langword="null"/> where there is none for
    /// this tensor.
    /// </summary>
    internal int? Statistic { get; init; }

    /// <summary>A per-model parameter's value.</summary>
    public double this[string parameter] => Parameters[parameter];
}

/// <summary>What a method knows of the tensor that it merges.</summary>
/// <param name="Tensor">The output tensor's name.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Inputs">The models that take part, in order.</param>
/// <param name="Parameters">The parameters that are not per model, resolved for this tensor.</param>
public sealed record TensorContext(
    string Tensor, IReadOnlyList<long> Shape, IReadOnlyList<TensorInput> Inputs, IReadOnlyDictionary<string, double> Parameters)
{
    /// <summary>Number of elements.</summary>
    public long ElementCount { get; } = Shape.ElementCount();

    /// <summary>The seed of random masks.</summary>
    public long Seed { get; init; }

    /// <summary>
    /// <see langword="null"/>: arithmetic in fp32. Otherwise every elementary operation rounds to this type, and random numbers come from
    /// one sequential generator, as in mergekit (compatibility mode).
    /// </summary>
    internal DType? CompatibleDType { get; init; }

    /// <summary>In compatibility mode, how many random numbers earlier tensors took.</summary>
    internal long DrawOffset { get; init; }

    /// <summary>In compatibility mode, the generator that all tensors of the merge share.</summary>
    internal DrawSequence? Draws { get; init; }

    /// <summary>Whether NaN and infinity in the inputs are merged like other numbers, and not refused.</summary>
    public bool KeepsNonFinite { get; init; }

    /// <summary>Whether a linear layer's weight is stored [in, out] and not [out, in]; told where statistics are.</summary>
    internal bool IsStoredByInput { get; init; }

    /// <summary>What is known of the whole model, where the method asks for that.</summary>
    internal ModelSurvey? Survey { get; init; }

    /// <summary>Ends long computations between blocks.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Threads that may call the merge at the same time.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Where methods on whole matrices compute; <see langword="null"/>: on the processor.</summary>
    internal IMatrixDevice? Device { get; init; }

    /// <summary>A parameter's value.</summary>
    public double this[string parameter] => Parameters[parameter];

    /// <summary>A flag's value.</summary>
    public bool Flag(string parameter) => Parameters[parameter] != 0;

    /// <summary>Whether the base is among <see cref="Inputs"/>.</summary>
    public bool HasBase => Inputs.Any(input => input.IsBase);

    /// <summary>Indices of the inputs other than the base.</summary>
    public int[] ModelIndices() => [.. Enumerable.Range(0, Inputs.Count).Where(i => !Inputs[i].IsBase)];

    /// <summary>Index of the base among <see cref="Inputs"/>.</summary>
    /// <exception cref="InvalidOperationException">No base takes part.</exception>
    public int BaseIndex => Inputs.Select((input, index) => (input, index)).First(pair => pair.input.IsBase).index;

    /// <summary>Rounds to the type of compatibility mode; nothing otherwise.</summary>
    internal void Round(Span<float> values)
    {
        if (CompatibleDType is { } dtype)
            ElementConversion.Round(dtype, values);
    }

    /// <summary>Rounds a scalar as <see cref="Round(Span{float})"/> does.</summary>
    internal float Round(double value)
    {
        Span<float> one = [(float)value];
        Round(one);
        return one[0];
    }
}
