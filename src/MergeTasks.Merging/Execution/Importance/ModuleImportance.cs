using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Measuring;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Execution.Importance;

/// <summary>The importance a, from its statistic, of every input channel of a model's modules, from one score file.</summary>
internal sealed class ModuleImportance
{
    private readonly Dictionary<string, double[]> _modules;

    private ModuleImportance(Dictionary<string, double[]> modules) => _modules = modules;

    /// <summary>The importances of a module's channels.</summary>
    public double[] this[ModuleDescription module] => _modules[module.Name];

    /// <summary>Reads a score file; modules of which every statistic is zero matter nowhere, which is said once.</summary>
    public static ModuleImportance Read(
        string path, ActivationRequest request, ImportanceNormalization normalization, MergeProgress progress)
    {
        var scores = ScoreFile.Read(path);
        var silent = scores.Where(module => module.Value.All(value => value == 0))
            .Select(module => module.Key)
            .Order(StringComparer.Ordinal)
            .ToList();
        if (silent.Count > 0)
        {
            progress.Warn(new Diagnostic(DiagnosticCode.ZeroImportance,
                $"No input of {silent.Count} module(s) of '{request.Model.Label}' is active on '{request.Data!.Label}', so AIM leaves "
                    + $"their weights as merged: {string.Join(", ", silent.Take(3))}{(silent.Count > 3 ? ", …" : "")}.",
                request.Data.Location, IsWarning: true));
        }

        return new ModuleImportance(
            scores.ToDictionary(module => module.Key, module => Normalised(module.Value, normalization), StringComparer.Ordinal));
    }

    /// <summary>The importances of channels, in [0, 1]; all zeros where the statistic is.</summary>
    public static double[] Normalised(IReadOnlyList<double> statistic, ImportanceNormalization normalization)
    {
        double[] sizes = [.. statistic.Select(Math.Abs)];
        var (largest, mean) = sizes.Length == 0 ? (0, 0) : (sizes.Max(), sizes.Average());
        if (!(largest > 0))
            return new double[sizes.Length];
        return normalization switch
        {
            ImportanceNormalization.Mean => Array.ConvertAll(sizes, size => Math.Min(1, size / (2 * mean))),
            ImportanceNormalization.Rank => Ranks(sizes),
            _ => Array.ConvertAll(sizes, size => size / largest),
        };
    }

    // From 0 to 1; equal ones share the mean of their ranks.
    private static double[] Ranks(double[] sizes)
    {
        var ordered = (double[])sizes.Clone();
        Array.Sort(ordered);
        return Array.ConvertAll(sizes, size =>
        {
            var (first, last) = (FirstAtLeast(ordered, size), FirstAtLeast(ordered, Math.BitIncrement(size)) - 1);
            return sizes.Length == 1 ? 1 : (first + last) / 2.0 / (sizes.Length - 1);
        });
    }

    private static int FirstAtLeast(double[] ordered, double size)
    {
        var (low, high) = (0, ordered.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (ordered[middle] < size)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }
}
