namespace MergeTasks.Merging.Importance;

/// <summary>A setting of AIM or APL: how it is called as item metadata and in a recipe.</summary>
/// <param name="Metadata">Name as metadata of <c>MergedModel</c>, and with <c>Merge</c> in front as a property of the project.</param>
/// <param name="Section">The recipe section that holds it; empty for a key of the recipe itself.</param>
/// <param name="Key">Name in that section.</param>
public sealed record ImportanceOption(string Metadata, string Section, string Key)
{
    /// <summary>Metadata of a <c>MergeSource</c>, and key of a recipe's model, that names its task data.</summary>
    public const string TaskData = "TaskData";

    internal static readonly ImportanceOption
        Base = new("ImportanceBase", "", "importance_base"),
        Omega = new("Aim", "aim", "omega"),
        Calibration = new("Calibration", "aim", "calibration"),
        Statistic = new("AimStatistic", "aim", "statistic"),
        Scaling = new("AimScaling", "aim", "scaling"),
        Kappa = new("AimKappa", "aim", "kappa"),
        Activations = new("AimActivations", "aim", "activations"),
        TiedHead = new("AimTiedHead", "aim", "tied_head"),
        Samples = new("AimSamples", "aim", "samples"),
        Block = new("AimBlock", "aim", "block"),
        Levels = new("Apl", "apl", "levels"),
        Density = new("AplDensity", "apl", "density"),
        Mode = new("AplMode", "apl", "mode"),
        Scoring = new("AplScoring", "apl", "scoring"),
        Drop = new("AplDrop", "apl", "drop"),
        Tau0 = new("AplTau0", "apl", "tau0"),
        Tau1 = new("AplTau1", "apl", "tau1"),
        Tau2 = new("AplTau2", "apl", "tau2"),
        Rescale = new("AplRescale", "apl", "rescale"),
        Verify = new("AplVerify", "apl", "verify"),
        AllowCostly = new("AplAllowCostly", "apl", "allow_costly");

    /// <summary>All options; in each section the first is also the section's short form (<c>aim: 0.4</c>, <c>apl: layer</c>).</summary>
    public static IReadOnlyList<ImportanceOption> All { get; } =
    [
        Base, Omega, Calibration, Statistic, Scaling, Kappa, Activations, TiedHead, Samples, Block,
        Levels, Density, Mode, Scoring, Drop, Tau0, Tau1, Tau2, Rescale, Verify, AllowCostly,
    ];

    /// <summary>The name as a user of recipes knows it.</summary>
    public string RecipeName => Section.Length == 0 ? Key : $"{Section}: {Key}";
}
