using System.Globalization;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Recipes;

namespace MergeTasks.Language.Importance;

/// <summary>Reads the settings of AIM and APL of one merge, wherever they are written.</summary>
/// <param name="merge">The merge's name, for messages.</param>
/// <param name="find">The text of an option; <see langword="null"/> where it is not given.</param>
/// <param name="resolve">Full path of a data file.</param>
/// <param name="report">Receives each finding.</param>
internal sealed class ImportanceReader(
    string merge, Func<ImportanceOption, WrittenOption?> find, Func<WrittenOption, string> resolve, Action<Diagnostic> report)
{
    private static readonly string[] Off = ["off", "none", "no", "false"];
    private static readonly string[] On = ["on", "yes", "true"];

    /// <summary>AIM's settings; <see langword="null"/> where it is not asked for, or not rightly.</summary>
    /// <param name="section">Where a recipe has the section, which is enough with the default ω.</param>
    public AimDeclaration? ReadAim(SourceLocation? section)
    {
        var written = find(ImportanceOption.Omega);
        if (written is null ? section is null : IsOff(written))
            return null;
        var location = written?.Location ?? section!;
        if (find(ImportanceOption.Calibration) is not { } calibration)
        {
            Report(DiagnosticCode.MissingScoringData, "AIM needs a calibration text; name one with Calibration=\"…\" (or 'calibration' in the recipe's 'aim').", location);
            return null;
        }

        return new AimDeclaration(location)
        {
            Omega = written is null || On.Contains(written.Text, StringComparer.OrdinalIgnoreCase) ? AimDeclaration.DefaultOmega
                : Number(ImportanceOption.Omega, AimDeclaration.DefaultOmega, 0, 1),
            Calibration = new DataFile(calibration.Text, resolve(calibration), calibration.Location),
            Statistic = Choice(ImportanceOption.Statistic, ActivationStatistic.MeanAbs,
                ("mean-abs", ActivationStatistic.MeanAbs), ("rms", ActivationStatistic.Rms), ("variance", ActivationStatistic.Variance), ("gradient", ActivationStatistic.Gradient)),
            Normalization = Choice(ImportanceOption.Normalization, ImportanceNormalization.Max,
                ("max", ImportanceNormalization.Max), ("mean", ImportanceNormalization.Mean), ("rank", ImportanceNormalization.Rank)),
            Scaling = Choice(ImportanceOption.Scaling, ImportanceScaling.Linear, ("linear", ImportanceScaling.Linear), ("exponential", ImportanceScaling.Exponential)),
            Kappa = Number(ImportanceOption.Kappa, 3, 1e-3, 100),
            Activations = Choice(ImportanceOption.Activations, ActivationSource.Base, ("base", ActivationSource.Base), ("participants", ActivationSource.Participants)),
            RelaxesTiedHead = Choice(ImportanceOption.TiedHead, false, ("keep", false), ("relax", true)),
            Samples = Whole(ImportanceOption.Samples, 256),
            Block = Whole(ImportanceOption.Block, 512),
        };
    }

    /// <summary>APL's settings; <see langword="null"/> where it is not asked for, or not rightly.</summary>
    public AplDeclaration? ReadApl()
    {
        if (find(ImportanceOption.Levels) is not { } written || IsOff(written))
            return null;
        var levels = Levels(written);
        if (levels.Count == 0)
            return null;
        var declaration = new AplDeclaration(written.Location)
        {
            Levels = levels,
            Density = IsAuto(ImportanceOption.Density) ? null : Number(ImportanceOption.Density, 1, 1e-6, 1),
            Budget = Choice(ImportanceOption.Budget, BudgetRule.PerParameter, ("per-parameter", BudgetRule.PerParameter), ("total", BudgetRule.Total)),
            Mode = Choice(ImportanceOption.Mode, InterventionMode.Restore, ("restore", InterventionMode.Restore), ("ablate", InterventionMode.Ablate)),
            IsExact = Choice(ImportanceOption.Scoring, false, ("gradient", false), ("exact", true)),
            Drop = Choice(ImportanceOption.Drop, DropRule.Magnitude, ("magnitude", DropRule.Magnitude), ("random", DropRule.Random), ("importance", DropRule.Importance),
                ("restore-importance", DropRule.RestoreImportance)),
            Tau0 = Temperature(ImportanceOption.Tau0, 1),
            Tau1 = Temperature(ImportanceOption.Tau1, AplDeclaration.DefaultTau),
            Tau2 = Temperature(ImportanceOption.Tau2, AplDeclaration.DefaultTau),
            Rescale = Choice(ImportanceOption.Rescale, RescaleRule.Task, ("task", RescaleRule.Task), ("none", RescaleRule.None), ("mass", RescaleRule.Mass),
                ("inverse", RescaleRule.Inverse), ("false", RescaleRule.None), ("true", RescaleRule.Inverse)),
            Verifies = Flag(ImportanceOption.Verify, false),
            AllowsCostly = Flag(ImportanceOption.AllowCostly, false),
        };
        if (declaration is { IsExact: true, AllowsCostly: false, DropLevel: PartitionLevel.Hidden })
        {
            Report(DiagnosticCode.CostlyScoring,
                "exact interventions on single rows run the model once per row, which takes days on real models. Use AplScoring=\"gradient\", or set AplAllowCostly=\"true\".", written.Location);
        }

        return declaration;
    }

    /// <summary>The factor of the merged change; <see langword="null"/> for none.</summary>
    /// <param name="usual">Where the merge is, if a factor is chosen for it unless it says otherwise.</param>
    public FactorDeclaration? ReadFactor(SourceLocation? usual)
    {
        if (find(ImportanceOption.Factor) is not { } written)
            return usual is null ? null : new FactorDeclaration(null, usual) { IsExplicit = false };
        if (IsOff(written))
            return null;
        if (written.Text.Equals("task", StringComparison.OrdinalIgnoreCase))
            return new FactorDeclaration(null, written.Location);
        if (double.TryParse(written.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) && value >= 0)
            return value == 1 ? null : new FactorDeclaration(value, written.Location);
        Invalid(ImportanceOption.Factor, $"is 'task', 'off' or a number from 0 on, not '{written.Text}'.", written.Location);
        return null;
    }

    /// <summary>Whether half of the task data is kept to check what AIM and APL do.</summary>
    public bool ReadSelfCheck() => Flag(ImportanceOption.SelfCheck, true);

    private List<PartitionLevel> Levels(WrittenOption written)
    {
        var levels = new List<PartitionLevel>();
        foreach (var name in written.Text.Split([';', ',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (Enum.GetValues<PartitionLevel>().Where(level => level.ToString().Equals(name, StringComparison.OrdinalIgnoreCase)).ToList() is [var level])
                levels.Add(level);
            else
                Invalid(ImportanceOption.Levels, $"has the unknown level '{name}'.{Suggestion.Sentence(name, ["model", "layer", "tensor", "hidden"])}", written.Location);
        }

        return [.. levels.Distinct().Order()];
    }

    private T Choice<T>(ImportanceOption option, T missing, params (string Name, T Value)[] choices)
    {
        if (find(option) is not { } written)
            return missing;
        foreach (var (name, value) in choices)
        {
            if (name.Equals(written.Text, StringComparison.OrdinalIgnoreCase))
                return value;
        }

        Invalid(option, $"is '{written.Text}'.{Suggestion.Sentence(written.Text, [.. choices.Select(choice => choice.Name)])}", written.Location);
        return missing;
    }

    private bool Flag(ImportanceOption option, bool missing)
    {
        if (find(option) is not { } written)
            return missing;
        if (SettingText.ParseNumber(written.Text) is { } value and (0 or 1))
            return value == 1;
        Invalid(option, $"is true or false, not '{written.Text}'.", written.Location);
        return missing;
    }

    private int Whole(ImportanceOption option, int missing)
    {
        if (find(option) is not { } written)
            return missing;
        if (int.TryParse(written.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value > 0)
            return value;
        Invalid(option, $"is a whole number from 1 on, not '{written.Text}'.", written.Location);
        return missing;
    }

    private double Number(ImportanceOption option, double missing, double least, double most)
    {
        if (find(option) is not { } written)
            return missing;
        if (double.TryParse(written.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most)
            return value;
        Invalid(option, $"is '{written.Text}'; it must be a number between {least.ToString(CultureInfo.InvariantCulture)} and {most.ToString(CultureInfo.InvariantCulture)}, with '.' as decimal separator.", written.Location);
        return missing;
    }

    private double Temperature(ImportanceOption option, double missing)
    {
        if (find(option) is not { } written)
            return missing;
        if (written.Text.ToUpperInvariant() is "INF" or "INFINITY" or ".INF")
            return double.PositiveInfinity;
        if (double.TryParse(written.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value > 0)
            return value;
        Invalid(option, $"is a number above 0, or 'inf', not '{written.Text}'.", written.Location);
        return missing;
    }

    private bool IsAuto(ImportanceOption option) => find(option) is not { } written || written.Text.Equals("auto", StringComparison.OrdinalIgnoreCase);

    private static bool IsOff(WrittenOption written) => Off.Contains(written.Text, StringComparer.OrdinalIgnoreCase);

    private void Invalid(ImportanceOption option, string message, SourceLocation location) =>
        Report(DiagnosticCode.InvalidValue, $"'{option.Metadata}' (in recipes '{option.RecipeName}') {message}", location);

    private void Report(string code, string message, SourceLocation? location) => report(new Diagnostic(code, $"Merge '{merge}': {message}", location));
}
