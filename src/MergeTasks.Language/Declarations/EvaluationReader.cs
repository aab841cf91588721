using System.Globalization;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;

namespace MergeTasks.Language.Declarations;

/// <summary>Turns <c>MergeEvaluation</c> items into declarations, one for each merge that they go into.</summary>
internal static class EvaluationReader
{
    private const string Item = "MergeEvaluation";
    private static readonly IReadOnlyList<string> Names = ProjectSurface.MergeEvaluation.MetadataNames;

    /// <summary>Reads all evaluations of a project.</summary>
    /// <param name="projectFolder">Where relative paths begin.</param>
    /// <param name="items">The items.</param>
    /// <param name="merges">Names of the project's merges.</param>
    /// <exception cref="DiagnosticException">With everything that is wrong.</exception>
    public static IReadOnlyList<EvaluationDeclaration> Read(string projectFolder, IReadOnlyList<DeclaredItem> items, IReadOnlyCollection<string> merges)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(merges);
        var (diagnostics, declarations) = (new List<Diagnostic>(), new List<EvaluationDeclaration>());
        foreach (var item in items)
        {
            foreach (var name in item.Metadata.Keys.Where(name => !Names.Contains(name, StringComparer.OrdinalIgnoreCase)))
            {
                if (Suggestion.Closest(name, Names) is { } closest)
                    diagnostics.Add(new Diagnostic(DiagnosticCode.MisspeltMetadata, $"{Item} '{item.Include}': nothing reads the metadata '{name}'. Did you mean '{closest}'?", item.LocationOf(name)));
            }

            var data = new DataFile(item.Include, UserPath.Full(projectFolder, item.Include, () => item.Location), item.Location);
            var into = item["Into"] is { } named ? named.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) : merges.Count == 1 ? [.. merges] : [];
            if (into.Length == 0)
                diagnostics.Add(new Diagnostic(DiagnosticCode.UnknownInto, $"{Item} '{item.Include}' does not say which merge it evaluates. Add Into=\"…\"; there are: {string.Join(", ", merges)}.", item.Location));
            foreach (var name in into)
            {
                if (merges.FirstOrDefault(merge => merge.Equals(name, StringComparison.OrdinalIgnoreCase)) is not { } merge)
                {
                    diagnostics.Add(new Diagnostic(DiagnosticCode.UnknownInto, $"{Item} '{item.Include}' evaluates '{name}', which no MergedModel declares.{Suggestion.Sentence(name, merges)}", item.LocationOf("Into")));
                    continue;
                }

                declarations.Add(new EvaluationDeclaration(merge, data, item.Location)
                {
                    TokensPerText = (int)(Number(item, "TokensPerText", 1, 1 << 20, diagnostics) ?? 512),
                    MinExactMatch = Number(item, "MinExactMatch", 0, 1, diagnostics),
                    MinAccuracy = Number(item, "MinAccuracy", 0, 1, diagnostics),
                    MaxPerplexity = Number(item, "MaxPerplexity", 1, double.MaxValue, diagnostics),
                    MaxRegression = Number(item, "MaxRegression", 0, double.MaxValue, diagnostics),
                });
            }
        }

        return diagnostics.Count == 0 ? declarations : throw new DiagnosticException([.. diagnostics.Distinct()]);
    }

    private static double? Number(DeclaredItem item, string metadata, double least, double most, List<Diagnostic> diagnostics)
    {
        if (item[metadata] is not { } text)
            return null;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most)
            return value;
        var range = most == double.MaxValue ? FormattableString.Invariant($"from {least} on") : FormattableString.Invariant($"between {least} and {most}");
        diagnostics.Add(new Diagnostic(DiagnosticCode.InvalidValue, $"{Item} '{item.Include}': {metadata} is '{text}'; it must be a number {range}.", item.LocationOf(metadata)));
        return null;
    }
}
