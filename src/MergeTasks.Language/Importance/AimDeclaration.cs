using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;

namespace MergeTasks.Language.Importance;

/// <summary>What is measured of a module's inputs, per channel, over all token positions of the calibration blocks.</summary>
internal enum ActivationStatistic
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
internal enum ImportanceScaling
{
    /// <summary>φ(a) = a.</summary>
    Linear,

    /// <summary>φ(a) = (e^{κa} − 1) / (e^κ − 1).</summary>
    Exponential,
}

/// <summary>What a channel's statistic s is compared with, to give its importance a in [0, 1].</summary>
internal enum ImportanceNormalization
{
    /// <summary>
    /// a = s / max s, as the paper's released code does. Where few channels are far more active than the others, it relaxes little.
    /// </summary>
    Max,

    /// <summary>a = min(1, s / (2·mean s)).</summary>
    Mean,

    /// <summary>The share of the module's channels whose statistic is smaller; equal ones share the mean of their ranks.</summary>
    Rank,
}

/// <summary>Whose activations count.</summary>
internal enum ActivationSource
{
    /// <summary>The base's alone.</summary>
    Base,

    /// <summary>Those of every merged model too: they decide how much each model contributes to a channel.</summary>
    Participants,
}

/// <summary>
/// Activation-informed merging (arXiv 2502.02421): the merged weights of channels that matter to the base are pulled back towards the base:
/// θ = θ_b + (θ_m − θ_b)·(1 − φ(a)·(1−ω)). <see cref="Options"/> has the defaults.
/// </summary>
/// <param name="Location">Where it is asked for.</param>
internal sealed record AimDeclaration(SourceLocation Location)
{
    // The ω of whoever asks for AIM and says no more.
    private const double UsualOmega = 0.4;

    /// <summary>The options in the order in which a recipe has them.</summary>
    public static IReadOnlyList<MergeOption<AimDeclaration>> Options { get; } =
    [
        new MergeOption<AimDeclaration, double?>(
            "Aim", "aim", "omega", OptionKind.Number(0, 1).OrWord("auto").OrWords(OptionKind.On, null).OrWords(OptionKind.Off, 1), null,
            "Activation-informed merging: ω from 0, which returns the most active channel to the base, to 1, which leaves the merge as it is; "
            + "auto: 0.4, and left out where the merge is not better with it on its models' tasks; off for one merge.",
            aim => aim.IsAuto ? null : aim.Omega, (aim, value) => aim with { Omega = value ?? UsualOmega, IsAuto = value is null })
        {
            IsProjectWide = true,
            IsWritten = _ => true,
            DefaultText = OptionKind.Off[0],
        },
        Row("Calibration", "calibration", DataFile.Kind, null,
            "The text that AIM runs the base on: .txt with blank lines between documents, or .jsonl with {\"text\"}.",
            aim => aim.Calibration, (aim, value) => aim with { Calibration = value! }),
        Row("AimStatistic", "statistic", OptionKind.Choice<ActivationStatistic>(), ActivationStatistic.MeanAbs,
            "Of each input channel, or of the gradient of the next-token loss.",
            aim => aim.Statistic, (aim, value) => aim with { Statistic = value }),
        Row("AimNormalization", "normalization", OptionKind.Choice<ImportanceNormalization>(), ImportanceNormalization.Max,
            "What a channel's statistic is compared with: the largest of its module, twice their mean (recommended), or the others' ranks.",
            aim => aim.Normalization, (aim, value) => aim with { Normalization = value }),
        Row("AimScaling", "scaling", OptionKind.Choice<ImportanceScaling>(), ImportanceScaling.Linear,
            "How a channel's activity becomes its importance.",
            aim => aim.Scaling, (aim, value) => aim with { Scaling = value }),
        Row("AimKappa", "kappa", OptionKind.Number(1e-3, 100), 3,
            "Steepness of the exponential scaling.",
            aim => aim.Kappa, (aim, value) => aim with { Kappa = value }, aim => aim.Scaling == ImportanceScaling.Exponential),
        Row("AimActivations", "activations", OptionKind.Choice<ActivationSource>(), ActivationSource.Base,
            "Whose activations: the base's, or those of every merged model, each contributing to a channel in proportion to its activity "
                + "there.",
            aim => aim.Activations, (aim, value) => aim with { Activations = value }),
        Row("AimTiedHead", "tied_head", OptionKind.Choice(("keep", false), ("relax", true)), false,
            "Whether embeddings that serve as the head are relaxed by the head's input.",
            aim => aim.RelaxesTiedHead, (aim, value) => aim with { RelaxesTiedHead = value }),
        Row("AimSamples", "samples", OptionKind.Whole(1), 256,
            "Most documents of the calibration text.",
            aim => aim.Samples, (aim, value) => aim with { Samples = value }),
        Row("AimBlock", "block", OptionKind.Whole(1), 512,
            "Tokens of a calibration block; the model's positions limit it.",
            aim => aim.Block, (aim, value) => aim with { Block = value }),
    ];

    /// <summary>ω: 1 leaves the merged model as it is, 0 returns the most active channel to the base.</summary>
    public double Omega { get; init; }

    /// <summary>Whether nobody named ω, and the step may be left out where it costs.</summary>
    public bool IsAuto { get; init; }

    /// <summary>The calibration text.</summary>
    public required DataFile Calibration { get; init; }

    /// <summary>The statistic.</summary>
    public ActivationStatistic Statistic { get; init; }

    /// <summary>What statistics are compared with.</summary>
    public ImportanceNormalization Normalization { get; init; }

    /// <summary>φ.</summary>
    public ImportanceScaling Scaling { get; init; }

    /// <summary>κ of the exponential scaling.</summary>
    public double Kappa { get; init; }

    /// <summary>Whose activations count.</summary>
    public ActivationSource Activations { get; init; }

    /// <summary>Whether embeddings that serve as the output head are relaxed by the head's input; otherwise they stay as merged.</summary>
    public bool RelaxesTiedHead { get; init; }

    /// <summary>Most documents used.</summary>
    public int Samples { get; init; }

    /// <summary>Tokens of one block; the model's positions limit it too.</summary>
    public int Block { get; init; }

    /// <summary>AIM's settings; <see langword="null"/> where it is not asked for, or not rightly.</summary>
    /// <param name="options">Reads the options.</param>
    /// <param name="section">Where a recipe has the section, which is enough with the usual ω.</param>
    internal static AimDeclaration? Read(OptionReader options, SourceLocation? section)
    {
        var written = options.Find(Options[0]);
        if (written is null ? section is null : OptionKind.IsOneOf(written, OptionKind.Off))
            return null;
        var location = written?.Location ?? section!;
        if (options.Find(Options[1]) is null)
        {
            options.Report(
                DiagnosticCode.MissingScoringData,
                "AIM needs a calibration text; name one with Calibration=\"…\" (or 'calibration' in the recipe's 'aim').",
                location);
            return null;
        }

        return options.Read(new AimDeclaration(location) { Calibration = null! }, Options);
    }

    private static MergeOption<AimDeclaration, T> Row<T>(
        string metadata, string key, OptionKind<T> kind, T missing, string description,
        Func<AimDeclaration, T> get, Func<AimDeclaration, T, AimDeclaration> set, Func<AimDeclaration, bool>? isWritten = null) =>
        new(metadata, "aim", key, kind, missing, description, get, set) { IsProjectWide = true, IsWritten = isWritten };
}
