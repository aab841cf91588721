using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;

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
    public static IReadOnlyList<EvaluationDeclaration> Read(
        string projectFolder, IReadOnlyList<DeclaredItem> items, IReadOnlyCollection<string> merges)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(merges);
        var (diagnostics, declarations) = (new List<Diagnostic>(), new List<EvaluationDeclaration>());
        foreach (var item in items)
        {
            foreach (var name in item.Metadata.Keys.Where(name => !Names.Contains(name, StringComparer.OrdinalIgnoreCase)))
            {
                if (Suggestion.Closest(name, Names) is { } closest)
                    diagnostics.Add(
                        new Diagnostic(
                            DiagnosticCode.MisspeltMetadata,
                            $"{Item} '{item.Include}': nothing reads the metadata '{name}'. Did you mean '{closest}'?",
                            item.LocationOf(name)));
            }

            var data = new DataFile(item.Include, UserPath.Full(projectFolder, item.Include, () => item.Location), item.Location);
            var into = item["Into"] is { } named ? named.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                : merges.Count == 1 ? [.. merges]
                : [];
            if (into.Length == 0)
                diagnostics.Add(
                    new Diagnostic(
                        DiagnosticCode.UnknownInto,
                        $"{Item} '{item.Include}' does not say which merge it evaluates. Add Into=\"…\"; there "
                            + $"are: {string.Join(", ", merges)}.",
                        item.Location));
            var options = new OptionReader(
                $"{Item} '{item.Include}'",
                option => item[option.Metadata] is { } text ? [new WrittenOption([text], () => item.LocationOf(option.Metadata))] : [],
                written => written.Text,
                diagnostics.Add);
            foreach (var name in into)
            {
                if (merges.FirstOrDefault(merge => merge.Equals(name, StringComparison.OrdinalIgnoreCase)) is not { } merge)
                {
                    diagnostics.Add(
                        new Diagnostic(
                            DiagnosticCode.UnknownInto,
                            $"{Item} '{item.Include}' evaluates '{name}', which no MergedModel "
                                + $"declares.{Suggestion.Sentence(name, merges)}",
                            item.LocationOf("Into")));
                    continue;
                }

                declarations.Add(options.Read(new EvaluationDeclaration(merge, data, item.Location), EvaluationDeclaration.Options));
            }
        }

        return diagnostics.Count == 0 ? declarations : throw new DiagnosticException([.. diagnostics.Distinct()]);
    }
}
