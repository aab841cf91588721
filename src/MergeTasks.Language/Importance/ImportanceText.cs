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
        if (apl.Density is { } density)
            yield return (ImportanceOption.Density, Number(density));
        if (apl.Mode != InterventionMode.Restore)
            yield return (ImportanceOption.Mode, NameOf(apl.Mode));
        if (apl.IsExact)
            yield return (ImportanceOption.Scoring, "exact");
        yield return (ImportanceOption.Drop, NameOf(apl.Drop));
        foreach (var (option, value) in new[] { (ImportanceOption.Tau0, apl.Tau0), (ImportanceOption.Tau1, apl.Tau1), (ImportanceOption.Tau2, apl.Tau2) })
        {
            if (value != 1)
                yield return (option, Number(value));
        }

        if (apl.Rescales != (apl.Drop == DropRule.Random))
            yield return (ImportanceOption.Rescale, apl.Rescales ? "true" : "false");
        if (apl.Verifies)
            yield return (ImportanceOption.Verify, "true");
        if (apl.AllowsCostly)
            yield return (ImportanceOption.AllowCostly, "true");
    }

    /// <summary>A choice's name as users write it.</summary>
    public static string NameOf<T>(T value)
        where T : struct, Enum => value is ActivationStatistic.MeanAbs ? "mean-abs" : value.ToString().ToLowerInvariant();

    private static string Number(double value) => double.IsPositiveInfinity(value) ? "inf" : value.ToString("R", CultureInfo.InvariantCulture);
}
