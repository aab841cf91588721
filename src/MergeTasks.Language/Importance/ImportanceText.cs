using System.Globalization;
using MergeTasks.Language.Recipes;

namespace MergeTasks.Language.Importance;

/// <summary>The settings of AIM and APL as recipe texts, those with their default value left out.</summary>
internal static class ImportanceText
{
    /// <summary>AIM's settings; ω and the calibration always.</summary>
    public static IEnumerable<(ImportanceOption Option, string Value)> Of(AimDeclaration aim)
    {
        var usual = new AimDeclaration(aim.Location) { Calibration = aim.Calibration };
        yield return (ImportanceOption.Omega, Number(aim.Omega));
        yield return (ImportanceOption.Calibration, aim.Calibration.Label);
        if (aim.Statistic != usual.Statistic)
            yield return (ImportanceOption.Statistic, NameOf(aim.Statistic));
        if (aim.Normalization != usual.Normalization)
            yield return (ImportanceOption.Normalization, NameOf(aim.Normalization));
        if (aim.Scaling != usual.Scaling)
        {
            yield return (ImportanceOption.Scaling, NameOf(aim.Scaling));
            yield return (ImportanceOption.Kappa, Number(aim.Kappa));
        }

        if (aim.Activations != usual.Activations)
            yield return (ImportanceOption.Activations, NameOf(aim.Activations));
        if (aim.RelaxesTiedHead)
            yield return (ImportanceOption.TiedHead, "relax");
        if (aim.Samples != usual.Samples)
            yield return (ImportanceOption.Samples, Number(aim.Samples));
        if (aim.Block != usual.Block)
            yield return (ImportanceOption.Block, Number(aim.Block));
    }

    /// <summary>APL's settings; levels and rule always.</summary>
    public static IEnumerable<(ImportanceOption Option, string Value)> Of(AplDeclaration apl)
    {
        yield return (ImportanceOption.Levels, $"[{string.Join(", ", apl.Levels.Select(level => NameOf(level)))}]");
        if (apl.DropLevel is not null)
            yield return (ImportanceOption.Density, apl.Density is { } density ? Number(density) : "auto");
        if (apl.Budget != BudgetRule.PerParameter)
            yield return (ImportanceOption.Budget, NameOf(apl.Budget));
        if (apl.Mode != InterventionMode.Restore)
            yield return (ImportanceOption.Mode, NameOf(apl.Mode));
        if (apl.IsExact)
            yield return (ImportanceOption.Scoring, "exact");
        yield return (ImportanceOption.Drop, NameOf(apl.Drop));
        (ImportanceOption Option, double Value, double Usual)[] temperatures =
            [(ImportanceOption.Tau0, apl.Tau0, 1), (ImportanceOption.Tau1, apl.Tau1, AplDeclaration.DefaultTau), (ImportanceOption.Tau2, apl.Tau2, AplDeclaration.DefaultTau)];
        foreach (var (option, value, usual) in temperatures)
        {
            if (value != usual)
                yield return (option, Number(value));
        }

        if (apl.Rescale != RescaleRule.Task)
            yield return (ImportanceOption.Rescale, NameOf(apl.Rescale));
        if (apl.Verifies)
            yield return (ImportanceOption.Verify, "true");
        if (apl.AllowsCostly)
            yield return (ImportanceOption.AllowCostly, "true");
    }

    /// <summary>A choice's name as users write it.</summary>
    public static string NameOf<T>(T value)
        where T : struct, Enum => string.Concat(value.ToString().Select((letter, i) => i > 0 && char.IsUpper(letter) ? $"-{letter}" : $"{letter}")).ToLowerInvariant();

    private static string Number(double value) => double.IsPositiveInfinity(value) ? "inf" : value.ToString("R", CultureInfo.InvariantCulture);
}
