using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Importance;

/// <summary>What is measured of a module's inputs, per channel, over all token positions of the calibration blocks.</summary>
public enum ActivationStatistic
{
    /// <summary>Mean of |x|.</summary>
    MeanAbs,

    /// <summary>Root of the mean of x².</summary>
    Rms,

    /// <summary>Variance of x.</summary>
    Variance,

    /// <summary>Mean over the outputs, then over the blocks, of |∂L/∂W|, L the next-token loss of a block.</summary>
    Gradient,
}

/// <summary>How importance in [0, 1] becomes the strength of the pull towards the base.</summary>
public enum ImportanceScaling
{
    /// <summary>φ(a) = a.</summary>
    Linear,

    /// <summary>φ(a) = (e^{κa} − 1) / (e^κ − 1).</summary>
    Exponential,
}

/// <summary>What a channel's statistic s is compared with, to give its importance a in [0, 1].</summary>
public enum ImportanceNormalization
{
    /// <summary>a = s / max s, as the paper's released code does. Where few channels are far more active than the others, it relaxes little.</summary>
    Max,

    /// <summary>a = min(1, s / (2·mean s)).</summary>
    Mean,

    /// <summary>The share of the module's channels whose statistic is smaller; equal ones share the mean of their ranks.</summary>
    Rank,
}

/// <summary>Whose activations count.</summary>
public enum ActivationSource
{
    /// <summary>The base's alone.</summary>
    Base,

    /// <summary>Those of every merged model too: they decide how much each model contributes to a channel.</summary>
    Participants,
}

/// <summary>
/// Activation-informed merging (arXiv 2502.02421): the merged weights of channels that matter to the base are pulled back towards the base:
/// θ = θ_b + (θ_m − θ_b)·(1 − φ(a)·(1−ω)).
/// </summary>
/// <param name="Location">Where it is asked for.</param>
public sealed record AimDeclaration(SourceLocation Location)
{
    /// <summary>The ω that is used where none is given.</summary>
    public const double DefaultOmega = 0.4;

    /// <summary>ω: 1 leaves the merged model as it is, 0 returns the most active channel to the base.</summary>
    public double Omega { get; init; } = DefaultOmega;

    /// <summary>The calibration text.</summary>
    public required DataFile Calibration { get; init; }

    /// <summary>The statistic.</summary>
    public ActivationStatistic Statistic { get; init; }

    /// <summary>What statistics are compared with.</summary>
    public ImportanceNormalization Normalization { get; init; }

    /// <summary>φ.</summary>
    public ImportanceScaling Scaling { get; init; }

    /// <summary>κ of the exponential scaling.</summary>
    public double Kappa { get; init; } = 3;

    /// <summary>Whose activations count.</summary>
    public ActivationSource Activations { get; init; }

    /// <summary>Whether embeddings that serve as the output head are relaxed by the head's input; by default they stay as merged.</summary>
    public bool RelaxesTiedHead { get; init; }

    /// <summary>Most documents used.</summary>
    public int Samples { get; init; } = 256;

    /// <summary>Tokens of one block; the model's positions limit it too.</summary>
    public int Block { get; init; } = 512;
}
