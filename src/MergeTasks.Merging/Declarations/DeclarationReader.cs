using MergeTasks.Checkpoints;
using MergeTasks.Merging.Diagnostics;
using MergeTasks.Merging.Importance;
using MergeTasks.Merging.Recipes;

namespace MergeTasks.Merging.Declarations;

/// <summary>Turns project items and the recipes they name into merge declarations, reporting every mistake it meets.</summary>
public sealed class DeclarationReader
{
    private const string DefaultMaxShardSize = "5GB";

    private readonly ProjectDefaults _project;
    private readonly List<Diagnostic> _diagnostics = [];
    private readonly ModelReferences _references;
    private readonly DeclarationValidator _validator;
    private readonly TokenizerDeclarations _tokenizers;

    private DeclarationReader(ProjectDefaults project, IReadOnlyCollection<string> names)
    {
        _project = project;
        _references = new ModelReferences(names);
        _validator = new DeclarationValidator(_diagnostics.Add);
        _tokenizers = new TokenizerDeclarations(_diagnostics.Add);
    }

    /// <summary>Reads all merges of a project.</summary>
    /// <param name="project">What holds for all of them.</param>
    /// <param name="merges">The <c>MergedModel</c> items.</param>
    /// <param name="sources">The <c>MergeSource</c> items.</param>
    /// <exception cref="DiagnosticException">With everything that is wrong.</exception>
    public static IReadOnlyList<MergeDeclaration> Read(ProjectDefaults project, IReadOnlyList<DeclaredItem> merges, IReadOnlyList<DeclaredItem> sources)
    {
        var reader = new DeclarationReader(project, [.. merges.Select(NameOf)]);
        reader.CheckNames(merges);
        var assigned = reader.Assign(merges, sources);
        var declarations = new List<MergeDeclaration>();
        foreach (var item in merges)
        {
            try
            {
                if (reader.ReadMerge(item, assigned[NameOf(item)]) is { } declaration)
                    declarations.Add(declaration);
            }
            catch (DiagnosticException e)
            {
                reader._diagnostics.AddRange(e.Diagnostics);
            }
        }

        reader._diagnostics.AddRange(OutputFolders.Check(declarations));
        if (reader._diagnostics.Count > 0)
            throw new DiagnosticException(reader._diagnostics);
        return MergeOrder.Sort(declarations);
    }

    /// <summary>A merge's name: the metadata <c>MergedModelName</c>, else a recipe's file name without extension, else the item's value.</summary>
    public static string NameOf(DeclaredItem item) =>
        item["MergedModelName"] ?? (IsRecipe(item) ? Path.GetFileNameWithoutExtension(item.Include.Replace('\\', '/')) : item.Include);

    private static bool IsRecipe(DeclaredItem item) =>
        item.Include.EndsWith(".yml", StringComparison.OrdinalIgnoreCase) || item.Include.EndsWith(".yaml", StringComparison.OrdinalIgnoreCase);

    private void CheckNames(IReadOnlyList<DeclaredItem> merges)
    {
        var seen = new Dictionary<string, DeclaredItem>(StringComparer.OrdinalIgnoreCase);
        foreach (var item in merges)
        {
            ItemMetadata.CheckSpelling(item, _diagnostics.Add);
            var name = NameOf(item);
            if (!name.All(c => char.IsLetterOrDigit(c) || c is '.' or '-' or '_') || name.StartsWith('.') || name.EndsWith('.') || name.Length is 0 or > 100)
            {
                _diagnostics.Add(new Diagnostic(DiagnosticCode.InvalidName,
                    $"'{name}' cannot name a merge, because it names a folder too: use letters, digits, '-', '_' and '.' (not first or last), 100 at most.", item.Location));
            }
            else if (!seen.TryAdd(name, item))
            {
                var first = seen[name].Location;
                _diagnostics.Add(new Diagnostic(DiagnosticCode.DuplicateMerge,
                    $"There is a merge '{name}' already, at {first.File}({first.Line},{first.Column}). Give one of them another MergedModelName.", item.Location));
            }
        }
    }

    private Dictionary<string, List<DeclaredItem>> Assign(IReadOnlyList<DeclaredItem> merges, IReadOnlyList<DeclaredItem> sources)
    {
        var assigned = new Dictionary<string, List<DeclaredItem>>(StringComparer.OrdinalIgnoreCase);
        foreach (var merge in merges)
            assigned.TryAdd(NameOf(merge), []);
        foreach (var source in sources)
        {
            ItemMetadata.CheckSpelling(source, _diagnostics.Add);
            var into = source["Into"] ?? (assigned.Count == 1 ? assigned.Keys.Single() : null);
            if (into is null)
            {
                _diagnostics.Add(new Diagnostic(DiagnosticCode.UnknownInto,
                    $"MergeSource '{source.Include}' does not say into which merge it goes. Add Into=\"…\"; there are: {string.Join(", ", assigned.Keys)}.", source.Location));
                continue;
            }

            foreach (var name in into.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                if (assigned.TryGetValue(name, out var list))
                    list.Add(source);
                else
                    _diagnostics.Add(new Diagnostic(DiagnosticCode.UnknownInto, $"MergeSource '{source.Include}' goes into '{name}', which no MergedModel declares.{Suggestion.Sentence(name, assigned.Keys)}", source.LocationOf("Into")));
            }
        }

        return assigned;
    }

    private MergeDeclaration? ReadMerge(DeclaredItem item, List<DeclaredItem> sources) =>
        IsRecipe(item) ? ReadRecipe(item, sources) : ReadItems(item, sources);

    private MergeDeclaration? ReadItems(DeclaredItem item, List<DeclaredItem> sources)
    {
        if (item["Method"] is not { } method)
        {
            _diagnostics.Add(new Diagnostic(DiagnosticCode.MissingMethod, $"Merge '{NameOf(item)}' does not say which Method to use (a recipe file would end in .yml or .yaml).", item.Location));
            return null;
        }

        var models = sources.ConvertAll(source => Source(source) with { Parameters = ItemMetadata.ReadSettings(source, _diagnostics.Add) });
        var declaration = Common(item) with
        {
            Method = method,
            Base = item["Base"] is { } basis ? Base(item, _references.Resolve(basis, item.LocationOf("Base"), _project.Folder)) : null,
            Models = models,
            Parameters = ItemMetadata.ReadSettings(item, _diagnostics.Add),
            DType = ReadDType(item, "DType"),
            OutDType = ReadDType(item, "OutDType"),
        };
        declaration = _tokenizers.Read(WithImportance(declaration, item, null), item, text => _references.Resolve(text, item.LocationOf(ItemMetadata.TokenizerSource), _project.Folder));
        _validator.Check(declaration, item.LocationOf("Method"), (model, name) => LocationOfParameter(model < 0 ? item : sources[model], name));
        return declaration;
    }

    private MergeDeclaration ReadRecipe(DeclaredItem item, List<DeclaredItem> sources)
    {
        var path = Path.GetFullPath(Path.Combine(_project.Folder, item.Include.Replace('\\', '/')));
        if (!File.Exists(path))
            throw new DiagnosticException(new Diagnostic(DiagnosticCode.RecipeUnreadable, $"The recipe '{path}' does not exist.", item.Location));
        var recipe = RecipeReader.Read(path)[0];
        ReportUnsupported(recipe, RecipeReader.Read(path));
        var bound = Bind(recipe, sources);
        var models = recipe.Models.Select(model => Bound(model) with { Parameters = Values(model.Parameters) }).ToList();
        var declaration = Common(item) with
        {
            Location = recipe.Location,
            Method = recipe.Method.Name,
            Base = recipe.Base is { } basis ? Bound(basis) : null,
            Models = models,
            Parameters = Values(recipe.Parameters),
            DType = recipe.DType ?? ReadDType(item, "DType"),
            OutDType = recipe.OutDType ?? ReadDType(item, "OutDType"),
        };
        declaration = _tokenizers.Read(WithImportance(declaration, item, recipe), recipe, Bound);
        _validator.Check(declaration, recipe.Method.Location,
            (model, name) => (model < 0 ? recipe.Parameters : recipe.Models[model].Parameters).GetValueOrDefault(name)?.Location ?? recipe.Location);
        return declaration;

        ModelDeclaration Resolved(string reference, SourceLocation location) => bound.TryGetValue(reference, out var source)
            ? source with { Label = reference, Location = location }
            : _references.Resolve(reference, location, Path.GetDirectoryName(path)!, _project.Folder);

        ModelDeclaration Bound(RecipeModel model)
        {
            var named = Resolved(model.Reference, model.Location);
            if (model.Adapter is { } adapter)
                named = ModelReferences.WithAdapter(named, Resolved(adapter.Reference, adapter.Location));
            return model.TaskData is { } data ? named with { TaskData = Data(data, Path.GetDirectoryName(path)!) } : named;
        }
    }

    private void ReportUnsupported(RecipeDocument recipe, IReadOnlyList<RecipeDocument> all)
    {
        if (recipe.Name is { } name)
            Unsupported("'name'", name.Location);
        if (recipe.Slices.Count > 0)
            Unsupported("'slices'", recipe.Slices[0].Location);
        if (recipe.Modules.Count > 0)
            Unsupported("'modules'", recipe.Modules[0].Location);
        if (all.Count > 1)
            Unsupported("A second document in the file", all[1].Location);

        void Unsupported(string what, SourceLocation location) =>
            _diagnostics.Add(new Diagnostic(DiagnosticCode.UnsupportedKey, $"{what} is not supported yet.", location));
    }

    // Sources of a recipe bind the names it uses, so that a recipe need not know where a model comes from.
    private Dictionary<string, ModelDeclaration> Bind(RecipeDocument recipe, List<DeclaredItem> sources)
    {
        var bound = new Dictionary<string, ModelDeclaration>(StringComparer.Ordinal);
        var used = recipe.NamedModels.SelectMany(model => new[] { model.Reference, model.Adapter?.Reference }).OfType<string>().Distinct().ToList();
        foreach (var source in sources)
        {
            var name = source["As"] ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(source.Include.Replace('\\', '/')));
            if (used.Contains(name))
                bound[name] = Source(source);
            else
                _diagnostics.Add(new Diagnostic(DiagnosticCode.UnknownInto, $"The recipe names no model '{name}' for MergeSource '{source.Include}'.{Suggestion.Sentence(name, used)}", source.Location));
        }

        return bound;
    }

    private ModelDeclaration Base(DeclaredItem item, ModelDeclaration basis) =>
        item[ItemMetadata.BaseAdapter] is { } adapter ? ModelReferences.WithAdapter(basis, _references.Resolve(adapter, item.LocationOf(ItemMetadata.BaseAdapter), _project.Folder)) : basis;

    private ModelDeclaration Source(DeclaredItem source)
    {
        var model = _references.Resolve(source.Include, source.Location, _project.Folder) with { Label = source["MergedModelName"] ?? source.Include };
        if (source[ItemMetadata.Adapter] is { } adapter)
            model = ModelReferences.WithAdapter(model, _references.Resolve(adapter, source.LocationOf(ItemMetadata.Adapter), _project.Folder));
        return model with
        {
            Label = source["As"] ?? model.Label,
            TaskData = source[ImportanceOption.TaskData] is { } data ? Data(new WrittenOption(data, source.LocationOf(ImportanceOption.TaskData))) : null,
        };
    }

    // A recipe's settings come before the item's, the item's before the project's.
    private MergeDeclaration WithImportance(MergeDeclaration merge, DeclaredItem item, RecipeDocument? recipe)
    {
        string[] folders = recipe is null ? [] : [Path.GetDirectoryName(recipe.Location.File)!];
        var reader = new ImportanceReader(merge.Name, Find, text => DataPath(text, folders), _diagnostics.Add);
        var aim = reader.ReadAim(recipe?.AimLocation);
        var apl = reader.ReadApl();
        var basis = Find(ImportanceOption.Base) is { } named ? _references.Resolve(named.Text, named.Location, [.. folders, _project.Folder]) : null;
        return merge with { Aim = aim, Apl = apl, ImportanceBase = aim is null && apl is null ? null : basis };

        WrittenOption? Find(ImportanceOption option) =>
            recipe?.Importance.GetValueOrDefault(option)
            ?? (Value(item, option.Metadata) is { } value
                ? new WrittenOption(value, item[option.Metadata] is null ? item.Location : item.LocationOf(option.Metadata))
                : null);
    }

    private DataFile Data(WrittenOption written, params IReadOnlyList<string> folders) => new(written.Text, DataPath(written.Text, folders), written.Location);

    private string DataPath(string text, IReadOnlyList<string> folders)
    {
        var candidates = folders.Append(_project.Folder).Select(folder => Path.GetFullPath(Path.Combine(folder, text.Replace('\\', '/')))).ToList();
        return candidates.Find(File.Exists) ?? candidates[^1];
    }

    private MergeDeclaration Common(DeclaredItem item)
    {
        var name = NameOf(item);
        var folder = item["OutputDirectory"] is { } own ? Path.Combine(_project.Folder, own.Replace('\\', '/')) : Path.Combine(_project.ModelsFolder, name);
        var size = Value(item, "MaxShardSize") ?? DefaultMaxShardSize;
        if (ByteSize.Parse(size) is not { } maxShardSize)
        {
            _diagnostics.Add(ItemMetadata.Invalid(item, "MaxShardSize", $"MaxShardSize '{size}' is not a size such as 5GB, 512MiB or 0 for a single file."));
            maxShardSize = 0;
        }

        var seedText = Value(item, "Seed") ?? "0";
        if (!long.TryParse(seedText, System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out var seed))
            _diagnostics.Add(ItemMetadata.Invalid(item, "Seed", $"Seed '{seedText}' is not a whole number."));
        var compatibility = Value(item, "Compatibility");
        if (compatibility is not (null or "mergekit" or "none"))
            _diagnostics.Add(ItemMetadata.Invalid(item, "Compatibility", $"Compatibility is 'none' or 'mergekit', not '{compatibility}'."));
        var nonFinite = Value(item, "NonFinite");
        if (nonFinite is not (null or "error" or "keep"))
            _diagnostics.Add(ItemMetadata.Invalid(item, "NonFinite", $"NonFinite is 'error' or 'keep', not '{nonFinite}'."));
        var hash = Value(item, ItemMetadata.HashWeights) ?? "false";
        if (!bool.TryParse(hash, out var hashesWeights))
            _diagnostics.Add(ItemMetadata.Invalid(item, ItemMetadata.HashWeights, $"{ItemMetadata.HashWeights} is 'true' or 'false', not '{hash}'."));
        return new MergeDeclaration(name, item.Location)
        {
            HashesWeights = hashesWeights,
            KeepsNonFinite = nonFinite == "keep",
            Method = "",
            Models = [],
            IsMergekitCompatible = compatibility == "mergekit",
            Seed = seed,
            MaxShardSize = maxShardSize,
            OutputFolder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)),
        };
    }

    private DType? ReadDType(DeclaredItem item, string metadata)
    {
        if (Value(item, metadata) is not { } text)
            return null;
        if (DTypes.FromTorchName(text) is { } dtype && dtype.IsFloatingPoint())
            return dtype;
        _diagnostics.Add(ItemMetadata.Invalid(item, metadata, $"'{text}' is not an element type to merge in.{Suggestion.Sentence(text, [.. DTypes.FloatingPointTorchNames])}"));
        return null;
    }

    private string? Value(DeclaredItem item, string metadata) =>
        item[metadata] ?? (_project.Metadata.TryGetValue(metadata, out var value) && value.Trim().Length > 0 ? value.Trim() : null);

    private static Dictionary<string, Setting> Values(IReadOnlyDictionary<string, RecipeSetting> settings) =>
        settings.ToDictionary(pair => pair.Key, pair => pair.Value.Value, StringComparer.Ordinal);

    private static SourceLocation LocationOfParameter(DeclaredItem item, string parameter)
    {
        var metadata = new Methods.ParameterDeclaration(parameter, null, "").MetadataName;
        return item.LocationOf(item[metadata] is null ? "Parameters" : metadata);
    }
}
