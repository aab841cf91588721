using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.Loading;

/// <summary>The methods that a project may name: those that are built in, and those of assemblies that it declares.</summary>
internal sealed class MethodCatalog
{
    private MethodCatalog(IReadOnlyList<MergeMethod> all)
    {
        All = all;
        MetadataNames = all.SelectMany(method => method.Parameters)
            .DistinctBy(parameter => parameter.MetadataName, StringComparer.OrdinalIgnoreCase)
            .ToDictionary(parameter => parameter.MetadataName, parameter => parameter.Name, StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>The built-in methods alone.</summary>
    public static MethodCatalog BuiltIn { get; } = new(MergeMethods.All);

    /// <summary>The methods, those that are built in first.</summary>
    public IReadOnlyList<MergeMethod> All { get; }

    /// <summary>The names of all parameters by what item metadata calls them, compared without case.</summary>
    public IReadOnlyDictionary<string, string> MetadataNames { get; }

    /// <summary>Finds a method; names are case-sensitive, as in recipes.</summary>
    public MergeMethod? Find(string name) => All.FirstOrDefault(method => method.Name == name);

    /// <summary>The catalog with the methods of an assembly.</summary>
    /// <param name="path">Full path of the assembly.</param>
    /// <exception cref="MethodLoadException">It cannot be loaded, declares something invalid, or a name that is taken.</exception>
    public MethodCatalog With(string path)
    {
        var added = MethodAssembly.Load(path);
        foreach (var method in added)
        {
            if (Find(method.Name) is { } other)
            {
                throw new MethodLoadException(
                    $"'{path}' has a method '{method.Name}', which is the name "
                        + $"of {(other is ForeignMethod foreign ? $"one in '{foreign.Path}'" : "a built-in one")}.");
            }
        }

        return new MethodCatalog([.. All, .. added]);
    }

    /// <summary>Finds the method that a declaration names.</summary>
    /// <param name="name">The method's name.</param>
    /// <param name="path">Full path of the assembly that has it; <see langword="null"/>: it is built in.</param>
    /// <exception cref="MethodLoadException">The assembly cannot be loaded.</exception>
    public static MergeMethod? Find(string name, string? path) =>
        path is null ? MergeMethods.Find(name) : MethodAssembly.Load(path).FirstOrDefault(method => method.Name == name);
}
