using MergeTasks.Caching;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Files;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning.Vocabularies;

/// <summary>
/// Compares the vocabularies of a merge's models, and gives all models the output's where the merge says which that is. Models without a
/// readable <c>tokenizer.json</c> are taken to fit as long as nothing is to be changed.
/// </summary>
/// <param name="merge">The declaration.</param>
/// <param name="models">Its models.</param>
/// <param name="donor">The model that decides the output's tensors and files.</param>
/// <param name="warn">Hears of what cannot be decided.</param>
/// <param name="cancellation">Ends digesting.</param>
internal sealed class VocabularyPlanner(
    MergeDeclaration merge,
    IReadOnlyList<OpenModel> models,
    OpenModel donor,
    Action<Diagnostic> warn,
    CancellationToken cancellation)
{
    // What belongs to a tokenizer and goes with it.
    private static readonly HashSet<string> TokenizerFiles = new(StringComparer.Ordinal)
    {
        ModelVocabulary.FileName,
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "chat_template.jinja",
        "chat_template.json",
    };

    private const string GenerationConfig = "generation_config.json";

    // Tables of other tokenizer implementations, which would lack appended tokens.
    private static readonly HashSet<string> OtherTables = new(StringComparer.Ordinal)
    {
        "vocab.json", "vocab.txt", "merges.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "added_tokens.json",
    };

    private readonly int _donor = models.ToList().FindIndex(model => model.Input == donor.Input);
    private readonly ModelInput[] _inputs = [.. models.Select(model => model.Input)];
    private readonly ModelVocabulary?[] _vocabularies = new ModelVocabulary?[models.Count];
    private readonly long?[] _rows = new long?[models.Count];

    /// <summary>The models as inputs of the output: the same, or with the output's vocabulary.</summary>
    /// <exception cref="DiagnosticException">The vocabularies do not go together.</exception>
    public IReadOnlyList<OpenModel> Plan()
    {
        for (var i = 0; i < _inputs.Length; i++)
            _rows[i] = VocabularyTensors.RowsOf(_inputs[i]);
        if (merge.Tokenizer is { } tokenizer)
            return Planned(tokenizer);
        if (merge.IsMergekitCompatible)
            return Cropped();
        Read(null);
        CompareTables();
        if (_vocabularies[_donor] is not { } own)
            return models;
        RequireRows(own);
        for (var i = 0; i < _inputs.Length; i++)
        {
            if (_vocabularies[i] is { } other
                && VocabularyDifference.Describe(own, donor.Declaration.Label, other, models[i].Declaration.Label) is { } difference)
            {
                throw merge.Fault(DiagnosticCode.DifferentVocabularies,
                    $"the vocabularies of '{donor.Declaration.Label}' and '{models[i].Declaration.Label}' differ: {difference}. "
                    + "Say TokenizerSource=\"union\" (every model's tokens) or \"base\" (only the base's) on the merge, in a recipe "
                    + "'tokenizer_source: union'.", models[i].Declaration.Location);
            }
        }

        // The same tokens, and padding of different length: the donor's length is kept.
        return _rows.Where((rows, i) => _vocabularies[i] is not null && rows != _rows[_donor]).Any()
            && !_vocabularies.Contains(null)
            && !_rows.Contains(null)
            ? Mapped(own.Ids, _rows[_donor]!.Value, [], null)
            : models;
    }

    // Where one of two models has no tokenizer.json, whatever else tells its tokens; there is no remedy to name, so it is said.
    private void CompareTables()
    {
        var tables = new TokenTable?[_inputs.Length];
        for (var i = 0; i < _inputs.Length; i++)
            tables[i] = _vocabularies[i] is { } vocabulary
                ? TokenTable.Of(vocabulary)
                : TokenTable.Read(_inputs[i].SideFiles(cancellation));
        for (var i = 0; i < _inputs.Length; i++)
        {
            if (i == _donor || (_vocabularies[i] is not null && _vocabularies[_donor] is not null))
                continue;
            var label = models[i].Declaration.Label;
            var difference = tables[_donor] is { } own && tables[i] is { } other
                ? TokenTable.Describe(own, donor.Declaration.Label, other, label)
                : BytesDiffer(i);
            if (difference is not null)
            {
                warn(merge.Warning(DiagnosticCode.DifferentVocabularies,
                    $"the vocabularies of '{donor.Declaration.Label}' and '{label}' differ: {difference}. Rows of "
                        + $"their embeddings stand for different tokens; the output gets the tokenizer of '{donor.Declaration.Label}'.",
                    models[i].Declaration.Location));
            }
        }
    }

    private string? BytesDiffer(int model)
    {
        var own = _inputs[_donor].SideFiles(cancellation).Where(file => TokenTable.IsTable(file.Name)).ToList();
        var other = _inputs[model].SideFiles(cancellation).Where(file => TokenTable.IsTable(file.Name)).ToList();
        return own.Join(
            other,
            file => file.Name,
            file => file.Name,
            (mine, theirs) => (mine.Name, Differs: !mine.Read().AsSpan().SequenceEqual(theirs.Read())))
            .Where(pair => pair.Differs).Select(pair => $"their '{pair.Name}' is not the same file").FirstOrDefault();
    }

    // mergekit takes the rows that all have, whatever they stand for.
    private IReadOnlyList<OpenModel> Cropped()
    {
        if (_rows.Contains(null) || _rows.Distinct().Count() == 1)
            return models;
        var rows = checked((int)_rows.Min()!.Value);
        int[] own = [.. Enumerable.Range(0, rows)];
        return [
            .. models.Select((model, i) =>
                model with
                {
                    Input = new RemappedInput(
                        model.Input, _rows[i]!.Value, new RowMap(own, new Dictionary<int, RowFill>(), new bool[rows]), _inputs, null)
                })
        ];
    }

    private IReadOnlyList<OpenModel> Planned(TokenizerDeclaration tokenizer)
    {
        Read(tokenizer);
        var without = Array.FindIndex(_rows, rows => rows is null);
        if (without >= 0)
            throw merge.Fault(
                DiagnosticCode.BadTokenizer,
                $"no table of embeddings was found in '{models[without].Declaration.Label}', so its vocabulary cannot be changed.",
                models[without].Declaration.Location);
        var origin = tokenizer.Model is { } named ? IndexOf(named) : _donor;
        var files = models[origin].Input.SideFiles(cancellation);
        var vocabulary = new OutputVocabulary(_vocabularies[origin]!, files.First(file => file.Name == ModelVocabulary.FileName).Read());
        if (tokenizer.Source == VocabularySource.Union)
        {
            for (var i = 0; i < _inputs.Length; i++)
                AppendAll(vocabulary, i, tokenizer);
        }

        foreach (var rule in tokenizer.Tokens)
        {
            var entry = _vocabularies.OfType<ModelVocabulary>()
                .Select(known => known.Added.GetValueOrDefault(rule.Token))
                .FirstOrDefault(added => added is not null);
            _ = vocabulary.TryAppend(rule.Token, entry ?? NewEntry(rule.Token));
        }

        var rows = Math.Max(vocabulary.Size, merge.IsMergekitCompatible ? 0 : _rows[origin]!.Value);
        if (tokenizer.PadToMultipleOf is { } multiple)
            rows = checked((rows + multiple - 1) / multiple * multiple);
        return Mapped(vocabulary.Ids, rows, tokenizer.Tokens, FilesOf(origin, files, vocabulary, tokenizer));
    }

    private void AppendAll(OutputVocabulary vocabulary, int model, TokenizerDeclaration tokenizer)
    {
        foreach (var (token, id) in _vocabularies[model]!.Ordered)
        {
            if (id < _rows[model] && !vocabulary.TryAppend(token, _vocabularies[model]!.Added.GetValueOrDefault(token)))
            {
                throw merge.Fault(DiagnosticCode.BadTokenizer,
                    $"the token {VocabularyDifference.Shown(token)} of '{models[model].Declaration.Label}' cannot be appended to "
                    + $"the {_vocabularies[_donor]!.Kind} vocabulary of '{donor.Declaration.Label}': "
                    + "it would change how text is divided. Choose one vocabulary: TokenizerSource=\"base\" or one of the models.", tokenizer.Location);
            }
        }
    }

    // With appended tokens, files of other implementations would lack some.
    private List<SideFile> FilesOf(int origin, IReadOnlyList<SideFile> own, OutputVocabulary vocabulary, TokenizerDeclaration tokenizer)
    {
        var files = donor.Input.SideFiles(cancellation).ToList();
        if (origin != _donor)
            files = WithTokenizerOf(files, own);

        var generation = files.FindIndex(file => file.Name == GenerationConfig);
        if (generation >= 0 && IdsOf(_donor, vocabulary.Ids) is { } idOf)
            files[generation] = Renumbered(files[generation], idOf);
        if (vocabulary.IsLarger)
        {
            files.RemoveAll(file => file.Name == ModelVocabulary.FileName || OtherTables.Contains(file.Name));
            try
            {
                files.Add(SideFile.Of(ModelVocabulary.FileName, vocabulary.ToBytes()));
            }
            catch (FormatException e)
            {
                throw merge.Fault(
                    DiagnosticCode.BadTokenizer,
                    $"the {ModelVocabulary.FileName} of '{models[origin].Declaration.Label}' {e.Message}.",
                    tokenizer.Location);
            }
        }

        var joined = tokenizer.Source == VocabularySource.Union
            ? SpecialTokens.Joined(files, [.. models.Select(model => model.Input.SideFiles(cancellation))], vocabulary.Ids)
            : files;
        return [.. joined.OrderBy(file => file.Name, StringComparer.Ordinal)];
    }

    /// <summary>A model's files with the tokenizer of another.</summary>
    public static List<SideFile> WithTokenizerOf(IReadOnlyList<SideFile> files, IReadOnlyList<SideFile> other)
    {
        return [
            .. files.Where(file => !IsTokenizers(file)).Concat(other.Where(IsTokenizers)).OrderBy(file => file.Name, StringComparer.Ordinal)
        ];

        static bool IsTokenizers(SideFile file) => TokenizerFiles.Contains(file.Name) || OtherTables.Contains(file.Name);
    }

    private SideFile Renumbered(SideFile file, Func<int, int?> idOf)
    {
        try
        {
            return SideFile.Of(file.Name, ConfigTokenIds.Map(file.Read(), file.Source ?? file.Name, idOf));
        }
        catch (FileFault e)
        {
            throw merge.Fault(
                DiagnosticCode.BadConfig, $"the ids of special tokens cannot be renumbered: {e.Message}", donor.Declaration.Location);
        }
    }

    private IReadOnlyList<OpenModel> Mapped(
        IReadOnlyDictionary<string, int> ids, long rows, IReadOnlyList<TokenRule> rules, IReadOnlyList<SideFile>? files)
    {
        var maps = new RowPlanner(
            merge, [.. _vocabularies.Select(vocabulary => vocabulary!)], [.. _rows.Select(count => count!.Value)], _donor, IndexOf)
                .Plan(ids, checked((int)rows), rules);
        return [
            .. models.Select((model, i) =>
                model with
                {
                    Input = new RemappedInput(model.Input, _rows[i]!.Value, maps[i], _inputs, files) { TokenIds = IdsOf(i, ids) }
                })
        ];
    }

    // An output with the vocabulary that the model has keeps its ids.
    private Func<int, int?>? IdsOf(int model, IReadOnlyDictionary<string, int> ids)
    {
        if (_vocabularies[model]!.Ordered.All(entry => !ids.TryGetValue(entry.Key, out var id) || id == entry.Value))
            return null;
        var tokens = _vocabularies[model]!.Ordered
            .GroupBy(entry => entry.Value)
            .ToDictionary(group => group.Key, group => group.First().Key);
        return id => tokens.TryGetValue(id, out var token) && ids.TryGetValue(token, out var mapped) ? mapped : null;
    }

    // Every model's vocabulary; models with the same file share it. Where it is needed, the lack of one is an error.
    private void Read(TokenizerDeclaration? neededBy)
    {
        var known = new Dictionary<string, ModelVocabulary>(StringComparer.Ordinal);
        for (var i = 0; i < _inputs.Length; i++)
        {
            var (declaration, input) = models[i];
            if (input.SideFiles(cancellation).FirstOrDefault(file => file.Name == ModelVocabulary.FileName) is not { } file)
            {
                if (neededBy is not null)
                    throw merge.Fault(
                        DiagnosticCode.BadTokenizer,
                        $"'{declaration.Label}' has no {ModelVocabulary.FileName} of its own, so its vocabulary is not known.",
                        declaration.Location);
                continue;
            }

            try
            {
                var bytes = file.Read();
                var key = Caching.ContentDigest.Of(bytes).ToString();
                if (!known.TryGetValue(key, out var vocabulary))
                    known[key] = vocabulary = ModelVocabulary.Parse(bytes);
                _vocabularies[i] = vocabulary;
            }
            catch (FormatException e) when (neededBy is null)
            {
                // It is copied like any other file, and whoever runs the model will complain.
                _ = e;
            }
            catch (FormatException e)
            {
                throw merge.Fault(
                    DiagnosticCode.BadTokenizer,
                    $"the {ModelVocabulary.FileName} of '{declaration.Label}' {e.Message}.",
                    declaration.Location);
            }
        }
    }

    private void RequireRows(ModelVocabulary own)
    {
        var (token, id) = own.Ordered[^1];
        if (_rows[_donor] is { } rows && id >= rows)
        {
            throw merge.Fault(DiagnosticCode.BadTokenizer,
                $"'{donor.Declaration.Label}' has {rows} embedding rows, but its tokenizer gives {VocabularyDifference.Shown(token)} the "
                + $"id {id}. "
                + "TokenizerSource=\"base\" (in a recipe 'tokenizer_source: base') makes rows for such tokens.", donor.Declaration.Location);
        }
    }

    private int IndexOf(ModelDeclaration model) => models.ToList().FindIndex(own => own.Declaration.IsSameModel(model));

    private static string NewEntry(string token) =>
        new System.Text.Json.Nodes.JsonObject
        {
            ["id"] = 0,
            ["content"] = token,
            ["single_word"] = false,
            ["lstrip"] = false,
            ["rstrip"] = false,
            ["normalized"] = false,
            ["special"] = false,
        }.ToJsonString();
}
