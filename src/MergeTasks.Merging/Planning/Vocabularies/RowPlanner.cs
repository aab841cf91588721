using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning.Vocabularies;

/// <summary>
/// Works out where each model's rows of the output's vocabulary come from. A model keeps its own row of a token. For a token that it lacks
/// it takes the row that the token's rule names; else the row of the only model that has the token; else the base's; else the mean of all.
/// </summary>
/// <param name="merge">The declaration, for messages.</param>
/// <param name="vocabularies">The models' vocabularies.</param>
/// <param name="rows">The models' numbers of embedding rows.</param>
/// <param name="donor">The base's place among them.</param>
/// <param name="indexOf">A model's place; −1 for one that takes no part.</param>
internal sealed class RowPlanner(
    MergeDeclaration merge,
    IReadOnlyList<ModelVocabulary> vocabularies,
    IReadOnlyList<long> rows,
    int donor,
    Func<ModelDeclaration, int> indexOf)
{
    private readonly List<HashSet<int>> _used = [.. vocabularies.Select(vocabulary => vocabulary.Ids.Values.ToHashSet())];

    /// <summary>Plans.</summary>
    /// <param name="ids">The output's tokens.</param>
    /// <param name="count">The output's rows.</param>
    /// <param name="rules">Rules for single tokens.</param>
    /// <returns>A map for each model.</returns>
    public IReadOnlyList<RowMap> Plan(IReadOnlyDictionary<string, int> ids, int count, IReadOnlyList<TokenRule> rules)
    {
        var ruleOf = rules.ToDictionary(rule => rule.Token, StringComparer.Ordinal);
        var isToken = new bool[count];
        var own = vocabularies.Select(_ => new int[count]).ToList();
        var fills = vocabularies.Select(_ => new Dictionary<int, RowFill>()).ToList();
        foreach (var (token, id) in ids)
        {
            isToken[id] = true;
            var rule = ruleOf.GetValueOrDefault(token);
            RowFill? fill = null;
            for (var model = 0; model < vocabularies.Count; model++)
            {
                own[model][id] = rule is { IsForced: true } ? -1 : RowOf(model, token);
                if (own[model][id] < 0)
                    fills[model][id] = fill ??= rule is null ? DefaultFill(token) : RuledFill(rule);
            }
        }

        for (var row = 0; row < count; row++)
        {
            if (isToken[row])
                continue;
            for (var model = 0; model < vocabularies.Count; model++)
            {
                own[model][row] = IsPadding(model, row) ? row : -1;
                if (own[model][row] < 0)
                    fills[model][row] = IsPadding(donor, row) ? RowFill.Of(donor, row) : RowFill.Mean;
            }
        }

        return [.. own.Zip(fills, (rowsOfOwn, filled) => new RowMap(rowsOfOwn, filled, isToken))];
    }

    // In compatibility mode all padding is the mean of the tokens' rows, as in mergekit.
    private bool IsPadding(int model, int row) => !merge.IsMergekitCompatible && row < rows[model] && !_used[model].Contains(row);

    private int RowOf(int model, string token) => vocabularies[model].Ids.TryGetValue(token, out var id) && id < rows[model] ? id : -1;

    private RowFill DefaultFill(string token)
    {
        var having = Enumerable.Range(0, vocabularies.Count)
            .Select(model => (Model: model, Row: RowOf(model, token)))
            .Where(found => found.Row >= 0)
            .ToList();
        return having switch
        {
            [] => merge.IsMergekitCompatible ? RowFill.Zero : RowFill.Mean,
            [var only] => RowFill.Of(only.Model, only.Row),
            _ when RowOf(donor, token) is var row and >= 0 => RowFill.Of(donor, row),
            _ => new RowFill(having),
        };
    }

    private RowFill RuledFill(TokenRule rule)
    {
        switch (rule.Source)
        {
            case TokenRowSource.Zero:
                return RowFill.Zero;
            case TokenRowSource.Model:
                var model = indexOf(rule.Model!);
                var other = rule.OtherToken ?? rule.Token;
                var row = rule.OtherTokenId ?? RowOf(model, other);
                if (row < 0)
                    throw Fault(rule, $"'{rule.Model!.Label}' has no row of the token {VocabularyDifference.Shown(other)}.");
                if (row >= rows[model])
                    throw Fault(rule, $"'{rule.Model!.Label}' has {rows[model]} embedding rows, so none of the number {row}.");
                return RowFill.Of(model, row);
            default:
                var fill = DefaultFill(rule.Token);
                if (ReferenceEquals(fill, RowFill.Mean))
                    throw Fault(
                        rule,
                        $"no model has the token {VocabularyDifference.Shown(rule.Token)}; say where its row comes from: 'source: "
                            + $"{{kind: zero}}', or '{{kind: model_token, model: …, token: …}}'.");
                return fill;
        }
    }

    private DiagnosticException Fault(TokenRule rule, string message) =>
        new(merge.Error(DiagnosticCode.InvalidTokenizerSource, message, rule.Location));
}
