using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using MergeTasks.Caching.Remote;
using MergeTasks.TestSupport;

namespace MergeTasks.Caching.Tests.Remote;

/// <summary>
/// The server that most teams have: nginx with WebDAV's PUT, as docs/scale.md sets it up, on loopback and in a folder of its own.
/// </summary>
public sealed class AgainstNginx : IDisposable
{
    private static readonly string? Program =
        new[] { "/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx", "/usr/local/bin/nginx", "/opt/homebrew/bin/nginx" }
            .FirstOrDefault(File.Exists);

    private readonly TempFolder _folder = new();
    private Process? _nginx;
    private string _address = "";

    public void Dispose()
    {
        Stop();
        _folder.Dispose();
    }

    [Fact]
    public void Machines_share_entries_through_nginx()
    {
        Start();
        using var first = new RemoteMachine(_address);
        using var second = new RemoteMachine(_address);
        first.Get(1);
        Assert.Equal(RemoteMachine.Text(1), second.Get(1));
        Assert.Equal((1, 0), (first.Made, second.Made));
        var stored = Path.Combine(_folder["files"], "cas", ContentDigest.Of(RemoteMachine.Bytes(1)).ToString());
        Assert.Equal(RemoteMachine.Bytes(1), File.ReadAllBytes(stored));

        // Cut short and changed on the server's own disk.
        foreach (var damaged in new[] { RemoteMachine.Bytes(1)[..1000], [], [.. RemoteMachine.Bytes(1)[..^1], 0] })
        {
            File.WriteAllBytes(stored, damaged);
            using var third = new RemoteMachine(_address);
            Assert.Equal(RemoteMachine.Text(1), third.Get(1));
            Assert.Equal(1, third.Made);
            Assert.True(Assert.Single(third.Problems).IsOfEntry);
            Assert.Equal(RemoteMachine.Bytes(1), File.ReadAllBytes(stored));
        }

        // Killed while machines use it.
        using var fourth = new RemoteMachine(_address);
        fourth.Get(1);
        _nginx!.Kill();
        _nginx.WaitForExit();
        Assert.Equal(RemoteMachine.Text(2), fourth.Get(2));
        Assert.Equal(RemoteMachine.Text(3), fourth.Get(3));
        Assert.Equal(2, fourth.Made);
        Assert.Contains("cannot be reached", Assert.Single(fourth.Problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Passwords_sizes_and_rights_are_nginx_own()
    {
        Start("auth_basic cache; auth_basic_user_file users; limit_except GET { deny all; }");
        using (var nobody = new RemoteMachine(_address))
        {
            nobody.Get(1);
            Assert.Contains("asks who is asking (401)", Assert.Single(nobody.Problems).Message, StringComparison.Ordinal);
        }

        using (var wrong = Machine("me", "wrong"))
        {
            wrong.Get(1);
            Assert.Contains("refuses the token or password", Assert.Single(wrong.Problems).Message, StringComparison.Ordinal);
        }

        using (var right = Machine("me", "secret"))
        {
            right.Get(1);
            right.Get(2);
            Assert.Contains("This build puts nothing into it", Assert.Single(right.Problems).Message, StringComparison.Ordinal);
        }

        RemoteMachine Machine(string user, string password) => new(_address, environment: name => name switch
        {
            RemoteSettings.UserVariable => user,
            RemoteSettings.PasswordVariable => password,
            _ => null,
        });
    }

    private void Start(string rules = "client_max_body_size 0;")
    {
        Assert.SkipWhen(Program is null, "nginx is not installed.");
        Directory.CreateDirectory(_folder["files"]);
        Directory.CreateDirectory(_folder["body"]);
        File.WriteAllText(_folder["users"], "me:{PLAIN}secret\n");
        var port = FreePort();
        File.WriteAllText(_folder["nginx.conf"], string.Create(CultureInfo.InvariantCulture, $$"""
            daemon off;
            master_process off;
            pid nginx.pid;
            error_log stderr;
            events { }
            http {
              access_log off;
              client_body_temp_path body;
              proxy_temp_path body; fastcgi_temp_path body; uwsgi_temp_path body; scgi_temp_path body;
              server {
                listen 127.0.0.1:{{port}};
                location /merges/ {
                  alias {{_folder["files"]}}/;
                  dav_methods PUT;
                  create_full_put_path on;
                  {{rules}}
                }
              }
            }
            """), Encoding.ASCII);
        _nginx = Process.Start(new ProcessStartInfo(Program!, ["-p", _folder.Path, "-c", _folder["nginx.conf"]])
        {
            RedirectStandardError = true,
        })!;
        _address = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/merges");
        for (var patience = Stopwatch.StartNew(); ; Thread.Sleep(5))
        {
            Assert.False(_nginx.HasExited, _nginx.HasExited ? _nginx.StandardError.ReadToEnd() : "");
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(20), "nginx does not begin to listen.");
            try
            {
                using var client = new TcpClient("127.0.0.1", port);
                return;
            }
            catch (SocketException)
            {
                // Not yet.
            }
        }
    }

    private void Stop()
    {
        if (_nginx is null)
            return;
        if (!_nginx.HasExited)
            _nginx.Kill();
        _nginx.WaitForExit();
        _nginx.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
