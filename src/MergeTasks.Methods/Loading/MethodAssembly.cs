using System.Collections.Concurrent;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.Loader;
using System.Security.Cryptography;
using MergeTasks.Files;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.Loading;

/// <summary>
/// An assembly with merge methods. It is loaded from memory, so its file can be built again while this process lives, and each content of
/// it once; what it refers to is this product's where it is that, else what lies beside it, else the runtime's.
/// </summary>
internal sealed class MethodAssembly : AssemblyLoadContext
{
    private const string Product = "MergeTasks.";

    private static readonly ConcurrentDictionary<(string Path, string Digest), IReadOnlyList<ForeignMethod>> Loaded = new();

    private readonly Dictionary<string, (string Path, byte[] Bytes)> _content;

    private MethodAssembly(string path, Dictionary<string, (string Path, byte[] Bytes)> content)
        : base(Path.GetFileName(path), isCollectible: true) => _content = content;

    /// <summary>
    /// The methods of an assembly: its public classes that derive from <see cref="MergeMethod"/> and need nothing to be made.
    /// </summary>
    /// <param name="path">Full path.</param>
    /// <exception cref="MethodLoadException">It cannot be loaded, has none, or one that declares something invalid.</exception>
    public static IReadOnlyList<ForeignMethod> Load(string path)
    {
        var content = Closure(path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, (_, bytes)) in content.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            hash.AppendData(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name)));
            hash.AppendData(SHA256.HashData(bytes));
        }

        var digest = Convert.ToHexStringLower(hash.GetHashAndReset());
        return Loaded.GetOrAdd((path, digest), _ => Make(path, digest, content));
    }

    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName assemblyName)
    {
        if (assemblyName.Name is not { } name)
            return null;
        if (name.StartsWith(Product, StringComparison.Ordinal))
            return GetLoadContext(typeof(MergeMethod).Assembly)!.LoadFromAssemblyName(new AssemblyName(name));
        return _content.TryGetValue(name, out var file) ? LoadFromStream(new MemoryStream(file.Bytes)) : null;
    }

    private static ForeignMethod[] Make(string path, string digest, Dictionary<string, (string Path, byte[] Bytes)> content)
    {
        try
        {
            var context = new MethodAssembly(path, content);
            var assembly = context.LoadFromStream(new MemoryStream(content[Path.GetFileNameWithoutExtension(path)].Bytes), Symbols(path));
            var types = assembly.GetExportedTypes()
                .Where(type => type.IsSubclassOf(typeof(MergeMethod)) && !type.IsAbstract && type.GetConstructor([]) is not null)
                    .OrderBy(type => type.FullName, StringComparer.Ordinal);
            string[] files = [.. content.Values.Select(file => file.Path)];
            ForeignMethod[] methods = [
                .. types.Select(type => new ForeignMethod((MergeMethod)Activator.CreateInstance(type)!, path, files, digest))
            ];
            if (methods.Length == 0)
                throw new MethodLoadException(
                    $"'{path}' has no public class that derives from {typeof(MergeMethod).FullName} and has a constructor without "
                        + "parameters.");
            foreach (var method in methods)
                MethodCheck.Require(method, path);
            return methods;
        }
        catch (Exception e) when (e is not MethodLoadException)
        {
            // Whatever a stranger's constructors and properties throw, and what the runtime says of assemblies made for other versions.
            var cause = e is TargetInvocationException { InnerException: { } inner } ? inner : e;
            throw new MethodLoadException(
                $"'{path}' cannot be used: {cause.GetType().Name}: {cause.Message.TrimEnd('.')}. It must be built for "
                    + $"MergeTasks {typeof(MergeMethod).Assembly.GetName().Version?.ToString(3)}.", e);
        }
    }

    // The assembly and all that it refers to beside itself, by name: they decide together what is computed.
    private static Dictionary<string, (string Path, byte[] Bytes)> Closure(string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        var content = new Dictionary<string, (string Path, byte[] Bytes)>(StringComparer.OrdinalIgnoreCase);
        var waiting = new Queue<(string Name, string Path)>([(Path.GetFileNameWithoutExtension(path), path)]);
        while (waiting.TryDequeue(out var next))
        {
            if (content.ContainsKey(next.Name))
                continue;
            var bytes = Read(next.Path);
            content.Add(next.Name, (next.Path, bytes));
            foreach (var name in References(next.Path, bytes))
            {
                if (!name.StartsWith(Product, StringComparison.Ordinal)
                    && Path.Combine(folder, name + ".dll") is var beside
                    && File.Exists(beside))
                    waiting.Enqueue((name, beside));
            }
        }

        return content;
    }

    private static byte[] Read(string path)
    {
        try
        {
            return InputFile.ReadAll(path);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw new MethodLoadException(FileFault.Of(e, path, FileAct.Read).Message, e);
        }
    }

    private static string[] References(string path, byte[] bytes)
    {
        try
        {
            using var file = new PEReader(new MemoryStream(bytes));
            if (!file.HasMetadata)
                throw new MethodLoadException($"'{path}' is no .NET assembly.");
            var metadata = file.GetMetadataReader();
            return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
        }
        catch (BadImageFormatException e)
        {
            throw new MethodLoadException($"'{path}' is no .NET assembly.", e);
        }
    }

    private static MemoryStream? Symbols(string path) =>
        Path.ChangeExtension(path, ".pdb") is var symbols && File.Exists(symbols) ? new MemoryStream(Read(symbols)) : null;
}
