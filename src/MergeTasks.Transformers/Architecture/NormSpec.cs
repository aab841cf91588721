namespace MergeTasks.Transformers.Architecture;

/// <summary>What a normalisation subtracts and divides by.</summary>
internal enum NormKind
{
    /// <summary>Divide by the root mean square (arXiv 1910.07467).</summary>
    RootMeanSquare,

    /// <summary>Subtract the mean, divide by the standard deviation (arXiv 1607.06450).</summary>
    Layer,
}

/// <summary>A normalisation over the last dimension.</summary>
/// <param name="Module">Module name; its parameters are <c>Module.weight</c> and <c>Module.bias</c>.</param>
/// <param name="Kind">What it divides by.</param>
/// <param name="Width">Channels.</param>
/// <param name="Epsilon">Added to the mean square or variance.</param>
/// <param name="Weighted">Whether the result is multiplied by a weight.</param>
/// <param name="Bias">Whether a bias is added.</param>
internal sealed record NormSpec(string Module, NormKind Kind, int Width, double Epsilon, bool Weighted = true, bool Bias = false)
{
    /// <summary>Added to the stored weight: 1 in Gemma, whose norms multiply by 1 + w.</summary>
    public float WeightOffset { get; init; }

    /// <summary>Multiplies the result of a norm with a weight.</summary>
    public float Factor { get; init; } = 1;

    /// <summary>
    /// The weight's name where it is a parameter by itself, of no module that observers see; null: that of <see cref="Module"/>.
    /// </summary>
    public string? OwnWeight { get; init; }

    /// <summary>Which row of the weight is meant, where it has one for each head; null: it is one row.</summary>
    public StackPlace? Stack { get; init; }

    /// <summary>Root-mean-square norm with a weight.</summary>
    public static NormSpec Rms(string module, int width, double epsilon) => new(module, NormKind.RootMeanSquare, width, epsilon);

    /// <summary>Layer norm with weight and bias.</summary>
    public static NormSpec Layer(string module, int width, double epsilon) => new(module, NormKind.Layer, width, epsilon, Bias: true);
}
