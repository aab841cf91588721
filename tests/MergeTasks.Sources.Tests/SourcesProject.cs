using System.Reflection;
using MergeTasks.Sources.Contract;
using MergeTasks.Sources.Locking;
using MergeTasks.Sources.References;
using MergeTasks.TestSupport;
using MergeTasks.TestSupport.Servers;

namespace MergeTasks.Sources.Tests;

/// <summary>A project folder, a Hub on loopback, and caches of the test's own.</summary>
internal sealed class SourcesProject : IDisposable
{
    private readonly TempFolder _folder = new();

    public SourcesProject()
    {
        Directory.CreateDirectory(_folder["project"]);
        File.WriteAllText(_folder["project", "nuget.config"], "<configuration><packageSources><clear /></packageSources></configuration>");
        Variables["HOME"] = _folder["home"];
        Variables["HF_HUB_CACHE"] = HubFolder;
        Variables["HF_ENDPOINT"] = Hub.Endpoint;
    }

    public string this[params string[] parts] => _folder[parts];

    public LoopbackHub Hub { get; } = new();

    public Dictionary<string, string> Variables { get; } = [];

    public string HubFolder => _folder["hub cache"];

    public string LockPath => _folder["project", LockFile.FileName];

    public Notes Progress { get; } = new();

    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(20);

    public RestoreOptions Options() => new()
    {
        ProjectFolder = _folder["project"],
        LockPath = LockPath,
        CacheFolder = _folder["cache"],
        Environment = name => Variables.GetValueOrDefault(name),
        PackagesFolder = _folder["packages"],
        SdkFolder =
            typeof(SourcesProject).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute =>
                attribute.Key == "SdkFolder").Value,
        RetryDelay = TimeSpan.FromMilliseconds(10),
        IdleTimeout = IdleTimeout,
    };

    public RestoredModel Restore(string reference, Func<RestoreOptions, RestoreOptions>? with = null) =>
        RestoreAll([reference], with).Single();

    public IReadOnlyList<RestoredModel> RestoreAll(
        IReadOnlyList<string> references, Func<RestoreOptions, RestoreOptions>? with = null, CancellationToken cancellation = default)
    {
        var options = with is null ? Options() : with(Options());
        var restored = Task.Run(() =>
            new ModelRestorer(options, Progress)
                .RestoreAsync([.. references.Select(text => SourceSchemes.Parse(text, [this["project"]]))], cancellation))
                    .GetAwaiter()
                    .GetResult();
        return [.. restored.Values];
    }

    /// <summary>The only fault of a restore that must fail.</summary>
    public SourceException Refused(string reference, Func<RestoreOptions, RestoreOptions>? with = null) =>
        Assert.Single(Assert.Throws<RestoreException>(() => Restore(reference, with)).Faults).Exception;

    public void Dispose()
    {
        Hub.Dispose();
        _folder.Dispose();
    }

    public static IReadOnlyList<(string Name, byte[] Content)> Files(int seed = 1, int bytes = 200_000) =>
    [
        ("config.json", """{"model_type":"llama"}"""u8.ToArray()),
        ("tokenizer.json", "{}"u8.ToArray()),
        ("README.md", "---\nlicense: mit\n---\n"u8.ToArray()),
        ("model.safetensors", Bytes(seed, bytes)),
        ("pytorch_model.bin", Bytes(seed + 1, 100)),
        ("training_args.bin", Bytes(seed + 2, 100)),
        (".gitattributes", "*.bin filter=lfs"u8.ToArray()),
    ];

    public static byte[] Bytes(int seed, int count)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>What a restore had to tell.</summary>
    public sealed class Notes : RestoreProgress
    {
        private long _received;

        public List<string> Texts { get; } = [];

        public long Announced { get; private set; }

        public long Bytes => Interlocked.Read(ref _received);

        public Action<long>? OnReceived { get; set; }

        public override void Starting(int files, long bytes) => Announced += bytes;

        public override void Received(long bytes)
        {
            var received = Interlocked.Add(ref _received, bytes);
            OnReceived?.Invoke(received);
        }

        public override void Note(string message)
        {
            lock (Texts)
                Texts.Add(message);
        }
    }
}
