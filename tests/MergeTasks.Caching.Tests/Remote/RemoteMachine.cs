using System.Text;
using MergeTasks.Caching.Remote;
using MergeTasks.TestSupport;

namespace MergeTasks.Caching.Tests.Remote;

/// <summary>A machine with a cache of its own that also asks a shared one.</summary>
internal sealed class RemoteMachine : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly RemoteConnection _connection;

    public RemoteMachine(
        string address, bool isReadOnly = false, Func<string, string?>? environment = null, int patience = 30_000)
    {
        var found = RemoteSettings.From(address, isReadOnly, environment ?? (_ => null))!;
        _connection = new RemoteConnection(new RemoteSettings(found.Address)
        {
            IsReadOnly = found.IsReadOnly,
            Authorization = found.Authorization,
            RetryDelay = TimeSpan.FromMilliseconds(1),
            StallTimeout = TimeSpan.FromMilliseconds(patience),
            SlowestRate = 16 << 20,
        });
        Shared = new RemoteCache(_connection, Problems.Add);
    }

    public RemoteCache Shared { get; }

    public List<RemoteProblem> Problems { get; } = [];

    /// <summary>How often something was computed.</summary>
    public int Made { get; private set; }

    public string Folder => _folder.Path;

    public long SizeLimit { get; init; } = ContentStore.DefaultSizeLimit;

    public bool Refreshes { get; init; }

    public static ContentDigest Key(int number) => ContentDigest.Of($"key {number}");

    /// <summary>An entry's text, made where neither cache has it. It says of itself which it is.</summary>
    public string Get(int number, string? content = null) => File.ReadAllText(new ContentStore(
        _folder.Path, new FileHasher(new DigestMemo(_folder.Path), 1))
    {
        Shared = Shared,
        SizeLimit = SizeLimit,
        Refreshes = Refreshes,
    }.GetOrAdd(Key(number), path => File.ReadAllText(path).StartsWith($"{number}:", StringComparison.Ordinal), path =>
    {
        Made++;
        File.WriteAllText(path, Text(number, content));
    }, null, default));

    public static string Text(int number, string? content = null) => $"{number}:{content ?? new string('x', 200_000)}";

    public static byte[] Bytes(int number, string? content = null) => Encoding.UTF8.GetBytes(Text(number, content));

    /// <summary>What no build may leave behind.</summary>
    public IEnumerable<string> Temporary => Directory.EnumerateFiles(Folder, "*.tmp", SearchOption.AllDirectories);

    public void Dispose()
    {
        _connection.Dispose();
        _folder.Dispose();
    }
}
