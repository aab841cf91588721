namespace MergeTasks.Transformers.Architecture;

/// <summary>A matrix product with an optional bias: y = x · Wᵀ + b.</summary>
/// <param name="Module">Module name; its parameters are <c>Module.weight</c> and <c>Module.bias</c>.</param>
/// <param name="Inputs">Input channels.</param>
/// <param name="Outputs">Output channels.</param>
/// <param name="Bias">Whether there is a bias.</param>
internal sealed record LinearSpec(string Module, int Inputs, int Outputs, bool Bias = false)
{
    /// <summary>Whether the weight is stored [in, out] (GPT-2's Conv1D) and not [out, in].</summary>
    public bool StoredByInput { get; init; }

    /// <summary>Which matrix of a stack of them this is, where the tensors hold one for each expert; null: they hold this alone.</summary>
    public StackPlace? Stack { get; init; }

    /// <summary>
    /// The weight is clamped to ± this as it is used, and its gradient is that of the clamped one; null: it is not (Gemma 3n).
    /// </summary>
    public double? Clamp { get; init; }

    /// <summary>The weight's name; another module's where the weight is tied.</summary>
    public string Weight { get; init; } = Module + ".weight";

    /// <summary>The bias's possible names, the first that the checkpoint has is used.</summary>
    public IReadOnlyList<string> BiasNames { get; init; } = [Module + ".bias"];
}

/// <summary>A place in a stack of matrices or vectors.</summary>
/// <param name="Index">The place.</param>
/// <param name="Count">How many there are.</param>
internal readonly record struct StackPlace(int Index, int Count);
