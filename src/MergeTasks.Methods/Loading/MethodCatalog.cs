using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.Loading;

/// <summary>
/// The methods that a project may name: those that are built in, and those of assemblies that it declares. Each assembly is read once,
/// so who reads declarations and who plans them from one catalog mean the same content.
/// </summary>
internal sealed class MethodCatalog
{
    private readonly Dictionary<string, IReadOnlyList<ForeignMethod>> _read = new(StringComparer.Ordinal);
    private readonly HashSet<string> _added = new(StringComparer.Ordinal);
    private readonly List<MergeMethod> _all = [.. MergeMethods.All, .. MergeMethods.Assembling];
    private Dictionary<string, string>? _metadataNames;

    /// <summary>The methods, those that are built in first.</summary>
    public IReadOnlyList<MergeMethod> All => _all;

    /// <summary>The names of all parameters by what item metadata calls them, compared without case.</summary>
    public IReadOnlyDictionary<string, string> MetadataNames => _metadataNames ??= _all.SelectMany(method => method.Parameters)
        .DistinctBy(parameter => parameter.MetadataName, StringComparer.OrdinalIgnoreCase)
        .ToDictionary(parameter => parameter.MetadataName, parameter => parameter.Name, StringComparer.OrdinalIgnoreCase);

    /// <summary>Adds the methods of an assembly, unless it has them.</summary>
    /// <param name="path">Full path of the assembly.</param>
    /// <exception cref="MethodLoadException">It cannot be loaded, declares something invalid, or a name that is taken.</exception>
    public void Add(string path)
    {
        var added = Read(path);
        if (_added.Contains(path))
            return;
        foreach (var method in added)
        {
            if (Find(method.Name) is { } other)
            {
                throw new MethodLoadException(
                    $"'{path}' has a method '{method.Name}', which is the name "
                        + $"of {(other is ForeignMethod foreign ? $"one in '{foreign.Path}'" : "a built-in one")}.");
            }
        }

        _added.Add(path);
        _all.AddRange(added);
        _metadataNames = null;
    }

    /// <summary>Finds a method; names are case-sensitive, as in recipes.</summary>
    public MergeMethod? Find(string name) => _all.Find(method => method.Name == name);

    /// <summary>Finds the method that a declaration names.</summary>
    /// <param name="name">The method's name.</param>
    /// <param name="path">Full path of the assembly that has it; <see langword="null"/>: it is built in.</param>
    /// <exception cref="MethodLoadException">The assembly cannot be loaded.</exception>
    public MergeMethod? Find(string name, string? path) =>
        path is null ? MergeMethods.Find(name) : Read(path).FirstOrDefault(method => method.Name == name);

    private IReadOnlyList<ForeignMethod> Read(string path) =>
        _read.TryGetValue(path, out var methods) ? methods : _read[path] = MethodAssembly.Load(path);
}
