using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Measuring;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Execution.Importance;

/// <summary>The importance a = |s| / max |s| of every input channel of a model's modules, from one score file.</summary>
internal sealed class ModuleImportance
{
    private readonly Dictionary<string, double[]> _modules;

    private ModuleImportance(Dictionary<string, double[]> modules) => _modules = modules;

    /// <summary>The importances of a module's channels.</summary>
    public double[] this[ModuleDescription module] => _modules[module.Name];

    /// <summary>Reads a score file; modules of which every statistic is zero matter nowhere, which is said once.</summary>
    public static ModuleImportance Read(string path, ActivationRequest request, MergeProgress progress)
    {
        var scores = ScoreFile.Read(path);
        var silent = scores.Where(module => module.Value.All(value => value == 0)).Select(module => module.Key).Order(StringComparer.Ordinal).ToList();
        if (silent.Count > 0)
        {
            progress.Warn(new Diagnostic(DiagnosticCode.ZeroImportance,
                $"No input of {silent.Count} module(s) of '{request.Model.Label}' is active on '{request.Data!.Label}', so AIM leaves their weights as merged: {string.Join(", ", silent.Take(3))}{(silent.Count > 3 ? ", …" : "")}.",
                request.Data.Location, IsWarning: true));
        }

        return new ModuleImportance(scores.ToDictionary(module => module.Key, module => Normalised(module.Value), StringComparer.Ordinal));
    }

    /// <summary>a = |s| / max |s|; all zeros where s is.</summary>
    public static double[] Normalised(IReadOnlyList<double> statistic)
    {
        var largest = statistic.Count == 0 ? 0 : statistic.Max(Math.Abs);
        return [.. statistic.Select(value => largest > 0 ? Math.Abs(value) / largest : 0)];
    }
}
